"""Membranes that leave the tables of the law that steps them: beyond their ends tables go on as straight lines."""

from dataclasses import dataclass

import sympy
import torch

from conductance.layers.neurons.layer import NeuronLayer
from conductance.neurons.base import Neuron
from conductance.tables import Tabulated

MOST = 0.01
"""Largest share of a layer's membrane voltages that may lie outside its tables."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How far the membranes of a layer leave its tables.

    Attributes:
        layer: its name.
        share: of the voltages that lie outside.
        lowest: of all voltages, in V0.
        highest: the same.
        low: where the tables begin, in V0.
        high: where they end.
    """

    layer: str
    share: float
    lowest: float
    highest: float
    low: float
    high: float

    @property
    def refused(self) -> bool:
        """Whether more is outside than may be; voltages that are not finite are outside."""
        return self.share > MOST

    def __str__(self) -> str:
        return (
            f"layer {self.layer}: {100 * self.share:.1f} % of its membrane voltages, from {self.lowest:.3g} to "
            f"{self.highest:.3g} V0, lie outside the tables of its law, {self.low:g} to {self.high:g} V0; at most "
            f"{100 * MOST:g} % may"
        )


def table_range(law: Neuron) -> tuple[float, float] | None:
    """The membrane voltages in V0 that all tables of the membrane know; None without any."""
    membrane = law.membrane.symbol
    tables = {
        table.samples
        for _, expression in law.expressions()
        for table in sympy.sympify(expression).atoms(Tabulated)
        if table.voltage.free_symbols & set(law.state_symbols) == {membrane}
    }
    if not tables:
        return None
    return max(table.low for table in tables), min(table.high for table in tables)


def outside(label: str, layer: NeuronLayer, voltages: torch.Tensor) -> Outside | None:
    """How far membranes leave the tables of the law that steps a layer.

    Args:
        label: name of the layer.
        layer: stepped by the law.
        voltages: of its membranes, in V0, any shape.

    Returns:
        None where the law has no tables of the membrane.
    """
    known = table_range(layer.law)
    if known is None:
        return None
    low, high = known
    inside = (voltages >= low) & (voltages <= high)
    return Outside(
        layer=label, share=1 - float(inside.double().mean()), lowest=float(voltages.min()),
        highest=float(voltages.max()), low=low, high=high,
    )  # fmt: skip
