"""Parasitic capacitances of an amplifier, from the sizes that a technology gives its transistors."""

from dataclasses import replace

from circuits.data.amplifier import AmplifierModel
from circuits.data.models import Polarity
from circuits.technologies import Technology
from circuits.technologies.sizing import Role


def loaded(model: AmplifierModel, technology: Technology, bias: float) -> AmplifierModel:
    """The amplifier with the capacitances of its transistors, as they are sized for `bias` (A), added to its own.

    An input is the gate of one transistor of the pair. The output is the drain of one transistor of either polarity.
    The inner node is the input of a mirror: two p-channel gates, the mirror's drain and the pair's. Without
    transistors in the technology, nothing is added.
    """
    if technology.nmos is None or technology.pmos is None:
        return model
    drains = _drain(technology, "nmos", bias, "pair") + _drain(technology, "pmos", bias, "upper_mirror")
    return replace(
        model,
        input_capacitance=model.input_capacitance + _gate(technology, "nmos", bias, "pair"),
        output_capacitance=model.output_capacitance + drains,
        mirror_capacitance=model.mirror_capacitance
        + 2 * _gate(technology, "pmos", bias, "upper_mirror")
        + drains,
    )


def _gate(technology: Technology, polarity: Polarity, bias: float, role: Role) -> float:
    """Of one gate, in F."""
    size = technology.size(polarity, bias, role)
    return technology.transistor(polarity).gate_capacitance * size.width * size.length


def _drain(technology: Technology, polarity: Polarity, bias: float, role: Role) -> float:
    """Of one drain, in F."""
    return technology.transistor(polarity).drain_capacitance * technology.width(polarity, bias, role)
