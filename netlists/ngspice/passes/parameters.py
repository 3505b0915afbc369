"""Pass: the `.param` block."""

from circuits.data.circuit import Param
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_number
from netlists.writing.comments import engineering, trailing


def explain(parameter: Param) -> str:
    """What a parameter is, for the end of a line."""
    return trailing(engineering(parameter.value, parameter.unit), parameter.meaning)


def add_parameters(draft: Draft) -> Draft:
    """Section `parameters`: one `.param` line for each parameter of the top level."""
    return draft.with_section(
        "parameters",
        (f".param {p.name}={print_number(p.value)}{explain(p)}" for p in draft.circuit.parameters),
    )
