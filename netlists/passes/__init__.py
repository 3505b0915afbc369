"""Netlisting as an ordered list of small passes; each adds one section of lines to a draft, or refuses it."""

from netlists.draft import Pass
from netlists.passes.analysis import add_analysis
from netlists.passes.control import add_control
from netlists.passes.devices import add_devices
from netlists.passes.header import add_header
from netlists.passes.initial import add_initial_voltages
from netlists.passes.measures import add_measures
from netlists.passes.models import add_models
from netlists.passes.options import add_options
from netlists.passes.parameters import add_parameters
from netlists.passes.saves import add_saves
from netlists.passes.subcircuits import add_subcircuits
from netlists.passes.validation import validate

PASSES: tuple[Pass, ...] = (
    validate,
    add_header,
    add_parameters,
    add_models,
    add_subcircuits,
    add_devices,
    add_initial_voltages,
    add_options,
    add_analysis,
    add_saves,
    add_measures,
    add_control,
)
"""In this order: first refuse, then write the circuit, then its test bench."""
