"""The voltage of a spike follows from the declaration, whatever its parameter is called."""

from dataclasses import replace

import declared
import pytest
import sympy

from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.base import Neuron
from conductance.neurons.spiking import spike_threshold


def renamed(neuron: Neuron, old: str, new: str) -> Neuron:
    """The same neuron with another name for one parameter."""
    parameter = neuron.parameter(old)
    other = replace(parameter, name=new)
    change = {parameter.symbol: other.symbol}
    return replace(
        neuron,
        parameters=tuple(other if each is parameter else each for each in neuron.parameters),
        output=sympy.sympify(neuron.output).subs(change),
        constraints=tuple(replace(each, relation=each.relation.subs(change)) for each in neuron.constraints),
    )


@pytest.mark.parametrize(
    ("neuron", "values", "threshold"),
    [
        (mtc(), {}, 0.0),
        (mtc().with_values(U_th=0.3), {}, 0.3),
        (mtc(), {"U_th": -0.2}, -0.2),
        (renamed(mtc().with_values(U_th=0.3), "U_th", "knee"), {}, 0.3),
        (renamed(mtc(), "U_th", "knee"), {"knee": 0.7}, 0.7),
        (lif(), {"theta": 1.7}, 1.7),
        (adlif(), {"theta": 0.6}, 0.6),
        (qif(), {"V_peak": 9.0}, 9.0),
        (declared.fresh_neuron(), {}, 2.0),
        (low_pass(), {}, 0.0),
    ],
)
def test_the_threshold_is_where_the_output_leaves_zero_or_the_event_happens(neuron, values, threshold):
    """Clipped outputs spike where their ramp begins, events where their margin is zero; a filter is judged at 0."""
    assert spike_threshold(neuron, values) == threshold
