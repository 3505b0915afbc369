"""From dimensionless units to volts, amperes, farads and seconds: the only converter between the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from circuits.data.values import CircuitError

RANGES: Mapping[str, tuple[str, float, float]] = MappingProxyType(
    {
        # 2 U_T/kappa is 72 mV in silicon, and no transistor's law has a wider one than its supply
        "voltage_unit": ("V", 1e-3, 10.0),
        # from the leakage of a junction to a bipolar transistor's
        "current_unit": ("A", 1e-15, 1e-2),
        # from a gate's to a discrete capacitor's
        "capacitance": ("F", 1e-18, 1e-3),
    }
)
"""Unit of each quantity, and between which values it can be meant."""
ELEMENTARY_CHARGE = 1.602176634e-19
"""In C, exact since 2019."""
ZERO_CELSIUS = 273.15
"""In K."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """The units of a circuit: one voltage unit, one current unit, one membrane capacitance.

    Args:
        voltage_unit: V0 in V; 2 U_T/kappa of a subthreshold differential pair, 71 to 74 mV at room temperature.
        current_unit: I0 in A, the bias current that makes alpha = 1.
        capacitance: C in F of a membrane with tau_m = R = 1.

    Raises:
        CircuitError: a value that is no number, or beyond its range in `RANGES`.
    """

    voltage_unit: float = 72e-3
    current_unit: float = 1e-9
    capacitance: float = 1e-12

    def __post_init__(self) -> None:
        for name, (unit, low, high) in RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
                raise CircuitError(
                    f"scaling: {name} = {value!r} must be a number from {low:g} to {high:g} {unit}"
                )

    @property
    def time_unit(self) -> float:
        """One tau_m in s: C V0 / I0."""
        return self.capacitance * self.voltage_unit / self.current_unit

    @property
    def shot_power(self) -> float:
        """q/(C V0): the power of the shot noise of one current unit, as s^2 of the declaration's noise.

        A current's one-sided density is 2 q I0, and an amplitude s stands for 2 s^2 I0^2 tau_m.
        """
        return ELEMENTARY_CHARGE / (self.capacitance * self.voltage_unit)

    @property
    def conductance_unit(self) -> float:
        """The transconductance of weight 1 in S: I0 / V0."""
        return self.current_unit / self.voltage_unit
