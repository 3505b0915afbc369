"""Pass: tolerances, the integration method, the solver of large circuits and the temperature."""

from circuits.data.circuit import Instance
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_number
from netlists.partition import LARGEST
from netlists.writing.comments import engineering


def add_options(draft: Draft) -> Draft:
    """Section `options`. Trapezoidal integration: gear was 4 to 7 times less exact at the same step."""
    tolerances = draft.tolerances
    values = {
        "reltol": (tolerances.relative, "1"),
        "abstol": (tolerances.current, "A"),
        "vntol": (tolerances.voltage, "V"),
        "chgtol": (tolerances.charge, "C"),
        "gmin": (tolerances.conductance, "S"),
    }
    words = ", ".join(f"{name} {engineering(value, unit)}" for name, (value, unit) in values.items())
    numbers = " ".join(f"{name}={print_number(value)}" for name, (value, _) in values.items())
    temperature = f".temp {print_number(draft.circuit.temperature)}"
    lines = [f"* {words}", f".options method=trap trtol={tolerances.truncation:g} {numbers}"]
    if sum(isinstance(device, Instance) for device in draft.circuit.devices) > LARGEST:
        # coupled neurons fill the matrix; ngspice without KLU reads past the word
        lines.append(".options klu")
    return draft.with_section("options", [*lines, temperature])
