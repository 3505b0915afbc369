"""Comparison of waveforms: spike times, spike matching, errors, sparsity, and the ladder of rungs."""

from netlists.comparison.crossings import (
    HYSTERESIS,
    ComparisonError,
    count_upward_crossings,
    upward_crossings,
)
from netlists.comparison.errors import WaveformError, waveform_error
from netlists.comparison.ladder import Rung, compare, schema
from netlists.comparison.record import (
    GroupingLine,
    Ladder,
    NeuronComparison,
    NoiseLine,
    NoisyNeuron,
    RungComparison,
    RungRecord,
)
from netlists.comparison.sparsity import communication, computation
from netlists.comparison.spikes import Doubt, SpikeMatch, match_spikes, spike_doubt

__all__ = [
    "HYSTERESIS",
    "ComparisonError",
    "Doubt",
    "Ladder",
    "NeuronComparison",
    "NoiseLine",
    "NoisyNeuron",
    "GroupingLine",
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
    "spike_doubt",
    "upward_crossings",
    "waveform_error",
]
