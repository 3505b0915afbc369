"""A transconductance amplifier as numbers: the data behind the macromodel of a differential pair."""

import math
from dataclasses import dataclass, fields

from circuits.data.values import CircuitError

_POSITIVE = ("gain", "voltage_unit", "early_voltage")


@dataclass(frozen=True, kw_only=True)
class AmplifierModel:
    """What a real differential pair does, I = gain I_b (tanh((v - offset)/V0) + imbalance), and where it stops.

    Args:
        gain: largest output current over the bias current.
        offset: input voltage of the pair's balance, in V.
        voltage_unit: V0 in V; 2 n U_T of a subthreshold pair with slope factor n = 1/kappa.
        early_voltage: of the output transistors in V; the output resistance is about early_voltage / I_b. Infinite
            is a perfect current source.
        headroom: an output transistor needs this voltage to its rail before it conducts, in V. Nearer than that,
            its current falls as 1 - exp(-v/U_T), and changes sign beyond.
        rails: whether the output stops at the supplies at all.
        input_capacitance: of each input, in F.
        output_capacitance: of the output, in F.
        imbalance: output current at the pair's balance over gain I_b: what the mirrors of both branches differ by.
        mirror_capacitance: of the inner node, in F. Its pole lies at I_b/(V0 mirror_capacitance), and it slews at
            I_b/mirror_capacitance.

    Raises:
        CircuitError: a value that is out of its bounds, named.
    """

    gain: float = 1.0
    offset: float = 0.0
    voltage_unit: float = 72e-3
    early_voltage: float = math.inf
    headroom: float = 0.0
    rails: bool = False
    input_capacitance: float = 0.0
    output_capacitance: float = 0.0
    mirror_capacitance: float = 0.0
    imbalance: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "rails":
                continue
            endless = field.name == "early_voltage" and value == math.inf
            if not isinstance(value, int | float) or not (math.isfinite(value) or endless):
                raise CircuitError(f"amplifier: {field.name} = {value!r} must be a finite number")
            if field.name in _POSITIVE and value <= 0:
                raise CircuitError(f"amplifier: {field.name} = {value!r} must be greater than zero")
            if field.name == "imbalance" and not -1 < value < 1:
                raise CircuitError(f"amplifier: imbalance = {value!r} must lie between -1 and 1")
            if field.name not in (*_POSITIVE, "offset", "imbalance") and value < 0:
                raise CircuitError(f"amplifier: {field.name} = {value!r} must not be negative")

    def slew(self, bias: float, load: float) -> float:
        """Fastest change of the output voltage on a capacitor of `load` (F), in V/s, at the bias current (A)."""
        return self.gain * bias / (load + self.output_capacitance)
