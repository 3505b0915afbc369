"""The low-pass of a synapse at the behavioural level: a voltage that follows another with a time constant."""

import sympy

from circuits.data.circuit import GROUND, Capacitor, Param, Pin, Resistor, Subcircuit, Transconductance
from circuits.data.scaling import Scaling

NAME = "synapse_low_pass"
PRE, POST = "pre", "post"
TAU = "tau"


def low_pass_synapse(scaling: Scaling) -> Subcircuit:
    """C tau dV(post)/dt = G (V(pre) - V(post)), with `tau` in tau_m; nothing flows into `pre`."""
    conductance, capacitance, tau = sympy.symbols("g0 c0 tau", positive=True)
    return Subcircuit(
        name=NAME,
        title="low-pass of a synapse",
        pins=(
            Pin(name=PRE, meaning="what arrives"),
            Pin(name=POST, meaning="what is passed on"),
        ),
        parameters=(
            Param(name="g0", value=scaling.conductance_unit, unit="S", meaning="conductance unit", lower=0.0),
            Param(name="c0", value=scaling.capacitance, unit="F", meaning="capacitance unit", lower=0.0),
            Param(name=TAU, value=1.0, unit="tau_m", meaning="time constant", lower=0.0),
        ),
        devices=(
            Transconductance(name="g_pre", out_from=GROUND, out_to=POST, sense_positive=PRE, sense_negative=GROUND,
                             gain=conductance, note="what arrives"),
            Resistor(name="r_post", positive=POST, negative=GROUND, resistance=1 / conductance),
            Capacitor(name="c_post", positive=POST, negative=GROUND, capacitance=capacitance * tau),
        ),
    )  # fmt: skip
