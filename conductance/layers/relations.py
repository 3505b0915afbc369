"""The relations between a neuron's parameters, held in the values that a layer computes with.

Training moves free numbers; a relation that they would break holds all the same, because the value is the nearest one
that keeps it. Inside, a value is its transform's, to the bit. The gradient passes as if the value had moved, so a
parameter comes back by itself when the loss asks for it (projected gradient).
"""

from collections.abc import Collection

import torch

from conductance.derivation.printers.torch import compiled
from conductance.derivation.program import Program
from conductance.neurons.base import Neuron

HALVINGS = 30
"""Of the way back to the declared values; what is left is below a float32's rounding."""
GAP = 1e-6
"""What is kept to the parameter that stays, of the larger of 1 and its magnitude."""

Values = dict[str, torch.Tensor]


class Relations:
    """The relations of one neuron's declaration."""

    def __init__(self, neuron: Neuron) -> None:
        self.neuron = neuron
        relations = [constraint.relation for constraint in neuron.constraints]
        names = {parameter.symbol: parameter.name for parameter in neuron.parameters}
        self._distances = compiled(
            Program(
                inputs=tuple(parameter.symbol for parameter in neuron.parameters),
                assignments=(),
                outputs=tuple(relation.gts - relation.lts for relation in relations),
            ),
            "distances",
        )
        self._ordered = [
            (names[relation.lts], names[relation.gts])
            for relation in relations
            if relation.lts in names and relation.gts in names
        ]
        self._others = [
            (place, {names[symbol] for symbol in relation.free_symbols})
            for place, relation in enumerate(relations)
            if not (relation.lts in names and relation.gts in names)
        ]

    def distances(self, values: Values) -> tuple[torch.Tensor, ...]:
        """How far each relation is from being broken, (neuron,) each; positive where it holds."""
        return self._distances(*(values[parameter.name] for parameter in self.neuron.parameters))

    def kept(self, values: Values, trained: Collection[str]) -> Values:
        """The values with those that are trained moved to where the relations hold.

        Two ordered parameters keep a gap: the upper one rises, or if it is not trained the lower one falls. Values that
        break another relation go back towards the declared defaults, which keep all, just until none is broken. A
        relation that only values which are not trained break is left for `NeuronLayer.check_values` to name.
        """
        if not trained:
            return values
        values = self._in_order(values, trained)
        concerned = [place for place, names in self._others if names & set(trained)]
        return self._towards_defaults(values, trained, concerned) if concerned else values

    def _in_order(self, values: Values, trained: Collection[str]) -> Values:
        values = dict(values)
        capped = {upper for _, upper in self._ordered if upper not in trained}
        for lower, upper in self._ordered:
            if upper in trained:
                least = values[lower] + _gap(values[lower])
                values[upper] = _moved(values[upper], least, values[upper] < least)
        for lower, upper in reversed(self._ordered):
            # what is not trained cannot rise, nor what was lowered for it
            if lower in trained and upper in capped:
                most = values[upper] - _gap(values[upper])
                values[lower] = _moved(values[lower], most, values[lower] > most)
                capped.add(lower)
        return values

    def _towards_defaults(self, values: Values, trained: Collection[str], concerned: list[int]) -> Values:
        """The values on the straight way back to the declared defaults, at the last place that keeps the relations."""
        with torch.no_grad():
            broken = ~self._hold(values, concerned)
            if not torch.compiler.is_compiling() and not bool(broken.any()):
                return values
            share, step = torch.zeros_like(next(iter(values.values()))), 0.5
            for _ in range(HALVINGS):
                tried = share + step
                held = self._hold({**values, **self._at(values, trained, tried)}, concerned)
                share, step = torch.where(held, tried, share), step / 2
            inside = self._at(values, trained, share)
        return {**values, **{name: _moved(values[name], inside[name], broken) for name in trained}}

    def _at(self, values: Values, trained: Collection[str], share: torch.Tensor) -> Values:
        """The trained values at a share of the way from the defaults (0) to where they are (1)."""
        defaults = self.neuron.defaults
        return {name: defaults[name] + share * (values[name] - defaults[name]) for name in trained}

    def _hold(self, values: Values, concerned: list[int]) -> torch.Tensor:
        distances = self.distances(values)
        kept = torch.ones_like(next(iter(values.values())), dtype=torch.bool)
        for place in concerned:
            # what is not a number is left as it is, for the checks to name
            kept = kept & ~(distances[place] <= 0)
        return kept


def _gap(partner: torch.Tensor) -> torch.Tensor:
    size = partner.detach().abs()
    return GAP * torch.where(size > 1, size, torch.ones_like(size))


def _moved(value: torch.Tensor, target: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """The target where it is asked for, with the value's own gradient."""
    return torch.where(where, target.detach() + (value - value.detach()), value)
