"""Netlisting as an ordered list of small passes; each adds one section of lines to a draft, or refuses it."""

from netlists.ngspice.draft import Pass
from netlists.ngspice.passes.analysis import add_analysis
from netlists.ngspice.passes.control import add_control
from netlists.ngspice.passes.devices import add_devices
from netlists.ngspice.passes.header import add_header
from netlists.ngspice.passes.initial import add_initial_voltages
from netlists.ngspice.passes.measures import add_measures
from netlists.ngspice.passes.models import add_models
from netlists.ngspice.passes.options import add_options
from netlists.ngspice.passes.parameters import add_parameters
from netlists.ngspice.passes.saves import add_saves
from netlists.ngspice.passes.subcircuits import add_subcircuits
from netlists.ngspice.passes.validation import validate

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
