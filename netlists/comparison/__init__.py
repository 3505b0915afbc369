"""Comparison of waveforms: spike times, spike matching, errors, sparsity, and the ladder of rungs."""

from netlists.comparison.crossings import (
    HYSTERESIS,
    ComparisonError,
    count_upward_crossings,
    upward_crossings,
)
from netlists.comparison.errors import WaveformError, waveform_error
from netlists.comparison.ladder import Rung, compare, schema
from netlists.comparison.record import Ladder, NeuronComparison, RungComparison, RungRecord
from netlists.comparison.sparsity import communication, computation
from netlists.comparison.spikes import SpikeMatch, match_spikes

__all__ = [
    "HYSTERESIS",
    "ComparisonError",
    "Ladder",
    "NeuronComparison",
    "Rung",
    "RungComparison",
    "RungRecord",
    "SpikeMatch",
    "WaveformError",
    "communication",
    "compare",
    "computation",
    "count_upward_crossings",
    "match_spikes",
    "schema",
    "upward_crossings",
    "waveform_error",
]
