"""The macromodel of an amplifier: a sourcing and a sinking current source that know rails and Early effect."""

import math

import sympy

from circuits.data.amplifier import AmplifierModel
from circuits.data.circuit import GROUND, BehaviouralCurrent, Capacitor, Device, Subcircuit, voltage
from circuits.realisations.cells.cell import BIAS, MINUS, OUT, PINS, PLUS, VDD, VSS, Cell, bias_parameter

_MIRROR = "mirror"
_DEEPEST = 6.0
"""Thermal voltages beyond a rail after which the exponential of saturation is cut off."""


def macromodel(
    model: AmplifierModel, *, supply: float, thermal_voltage: float, bias: float, name: str = "amplifier"
) -> Cell:
    """An amplifier from its numbers; see `AmplifierModel`.

    The sourcing arm carries gain ib (1 + e)(1 + t)/2 from vdd to out and the sinking arm gain ib (1 - e)(1 - t)/2 from
    out to vss, t = tanh((plus - minus - offset)/V0), e the imbalance of their mirrors; together gain ib (t + e). With
    rails, each arm is multiplied by the law of its output transistor, (1 - exp(-v/U_T)) (1 + v/early_voltage), v being
    the voltage across it beyond the headroom, and the whole is normalised so that the gain is the stated one where the
    output is midway.

    Args:
        model: the numbers.
        supply: total supply in V.
        thermal_voltage: U_T in V.
        bias: default bias current in A.
        name: of the subcircuit.
    """
    steered = sympy.tanh((voltage(PLUS, MINUS) - model.offset) / model.voltage_unit)
    devices: list[Device] = []
    initial = {}
    if model.mirror_capacitance:
        devices += _inner_node(model, steered)
        initial = {_MIRROR: 0.0}
        steered = voltage(_MIRROR) / model.voltage_unit
    devices += _output(model, steered, supply=supply, thermal_voltage=thermal_voltage)
    for node, value in (
        (PLUS, model.input_capacitance),
        (MINUS, model.input_capacitance),
        (OUT, model.output_capacitance),
    ):
        if value:
            devices.append(
                Capacitor(name=f"c_{node}", positive=node, negative=GROUND, capacitance=value, parasitic=True)
            )
    return Cell(
        subcircuit=Subcircuit(
            name=name,
            title="amplifier, macromodel",
            pins=PINS,
            parameters=(bias_parameter(bias),),
            devices=tuple(devices),
            initial=initial,
        )
    )


def _inner_node(model: AmplifierModel, steered: sympy.Expr) -> list[Device]:
    """The node of the current mirror: it lags, and slews at ib/mirror_capacitance."""
    drive = BIAS * (steered - voltage(_MIRROR) / model.voltage_unit)
    return [
        BehaviouralCurrent(
            name="b_mirror", source=GROUND, sink=_MIRROR, current=drive, note="differential pair"
        ),
        Capacitor(name="c_mirror", positive=_MIRROR, negative=GROUND, capacitance=model.mirror_capacitance),
    ]


def _output(
    model: AmplifierModel, steered: sympy.Expr, *, supply: float, thermal_voltage: float
) -> list[Device]:
    """The two output arms between the rails, or one source where the model has no rails."""
    norm = 1 + supply / 2 / model.early_voltage if model.rails and math.isfinite(model.early_voltage) else 1.0
    arm = model.gain / norm * BIAS / 2
    if model.rails:
        above, below = voltage(VDD, OUT), voltage(OUT, VSS)
        source = arm * (1 + model.imbalance) * (1 + steered) * _transistor(above, model, thermal_voltage)
        sink = arm * (1 - model.imbalance) * (1 - steered) * _transistor(below, model, thermal_voltage)
        return [
            BehaviouralCurrent(name="b_source", source=VDD, sink=OUT, current=source, note="sourcing arm"),
            BehaviouralCurrent(name="b_sink", source=OUT, sink=VSS, current=sink, note="sinking arm"),
        ]
    current = model.gain * BIAS * (steered + model.imbalance if model.imbalance else steered)
    if math.isfinite(model.early_voltage):
        current -= BIAS * voltage(OUT) / model.early_voltage
    return [BehaviouralCurrent(name="b_out", source=GROUND, sink=OUT, current=current, note="output")]


def _transistor(across: sympy.Expr, model: AmplifierModel, thermal_voltage: float) -> sympy.Expr:
    """Saturation and Early effect of an output transistor."""
    beyond = sympy.Max((across - model.headroom) / thermal_voltage, -_DEEPEST)
    law = 1 - sympy.exp(-beyond)
    return law * (1 + across / model.early_voltage) if math.isfinite(model.early_voltage) else law
