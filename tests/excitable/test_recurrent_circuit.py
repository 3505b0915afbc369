"""Recurrent layers as circuits: model, differential equation and netlist of a half-centre agree in every spike."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.networks import RECIPES, LayerPlan, Network, RandomLoop, layered_network
from conductance.networks.continuous import integrate_network
from conductance.neurons import mtc
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import continuous_rung, discrete_rung
from excitable.ladder.series import export, part_circuits, simulate

sys.path.append(str(Path(__file__).parents[1] / "conductance"))

OPTIONS = CircuitOptions(scaling=Scaling())


def pair(source: str, tau: float | None, *, dt: float = 0.1) -> Network:
    """Two neurons that are pushed in turns and excite each other unequally."""
    encoder = Projection(1, 2)
    with torch.no_grad():
        encoder.weight.copy_(torch.tensor([[1.2], [0.7]]))
        encoder.bias.copy_(torch.tensor([-0.7, -0.9]))
    weight = torch.tensor([[0.0, -0.15], [0.25, -0.05]])
    layer = NeuronLayer(
        mtc(), 2, dt=dt, values={"tau_s": 15.0, "tau_us": 120.0}, recurrent=Recurrence(weight, source=source, tau=tau)
    )  # fmt: skip
    return Network({"in": encoder, "pair": layer})


def crossings(time: np.ndarray, voltage: np.ndarray) -> list[np.ndarray]:
    found = []
    for column in voltage.T:
        up = np.flatnonzero((column[1:] > 0) & (column[:-1] <= 0))
        share = -column[up] / (column[up + 1] - column[up])
        found.append(time[up] + share * (time[up + 1] - time[up]))
    return found


@pytest.mark.parametrize(
    ("source", "tau"),
    [
        ("us", None),
        ("output", 5.0),
        pytest.param("um", None, marks=pytest.mark.slow),
        pytest.param("output", None, marks=pytest.mark.slow),
        pytest.param("us", 5.0, marks=pytest.mark.slow),
    ],
)
def test_the_netlist_of_a_loop_is_its_differential_equation(source, tau):
    """ngspice and scipy spike at the same times, to 0.05 tau_m, whatever the loop reads and however it is passed on."""
    network, dt = pair(source, tau), 0.1
    inputs = 0.6 * np.sin(np.arange(2500) * dt / 20)[:, None]
    exact = continuous_rung(network, inputs, dt=dt)
    built = simulate(network, inputs, dt=dt, options=OPTIONS)
    ours, theirs = crossings(exact.time, exact.membrane), crossings(built.time, built.membrane)
    assert [len(times) for times in ours] == [len(times) for times in theirs]
    assert sum(len(times) for times in ours) >= 3
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=0.05)


@pytest.mark.vacask
@pytest.mark.parametrize(
    ("source", "tau"), [pytest.param("us", None, marks=pytest.mark.slow), ("output", 5.0)]
)
def test_a_loop_is_compiled(source, tau):
    """In VACASK, where neurons and low-passes are modules, the same spikes as scipy's to 0.01 tau_m."""
    network, dt = pair(source, tau), 0.1
    inputs = 0.6 * np.sin(np.arange(1800) * dt / 20)[:, None]
    exact = continuous_rung(network, inputs, dt=dt)
    built = simulate(network, inputs, dt=dt, options=replace(OPTIONS, simulator="vacask"))
    ours, theirs = crossings(exact.time, exact.membrane), crossings(built.time, built.membrane)
    assert [len(times) for times in ours] == [len(times) for times in theirs]
    assert sum(len(times) for times in ours) >= 3
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=0.01)
    text = export(network, inputs[:2], dt=dt, options=replace(OPTIONS, simulator="vacask")).files[
        "network.va"
    ]
    assert ("module synapse_low_pass(pre, post);" in text) == (tau is not None)


@pytest.mark.simulator
@pytest.mark.vacask
def test_synapses_of_amplifiers_are_compiled():
    """A loop of macromodels, with a synapse of each sign, is the same in both simulators to 5e-3 V0 rms."""
    network, dt = pair("output", None, dt=0.2), 0.2
    inputs = 0.6 * np.sin(np.arange(300) * dt / 20)[:, None]
    process = technology("generic_180nm")
    runs = [
        simulate(
            network, inputs, dt=dt,
            options=CircuitOptions(
                scaling=process.scaling(), levels="macromodel", technology=process, simulator=simulator
            ),
        )
        for simulator in ("ngspice", "vacask")
    ]  # fmt: skip
    grid = np.arange(0.0, 60.0, 0.1)
    one, other = (np.stack([np.interp(grid, run.time, column) for column in run.membrane.T]) for run in runs)
    assert np.ptp(one) > 1.0
    assert np.sqrt(np.mean((one - other) ** 2)) < 5e-3


def test_a_half_centre_spikes_alike_as_model_equation_and_netlist():
    """From unequal starts: every spike of the netlist within 0.01 tau_m of scipy's, of the model within dt."""
    from half_centre import half_centre

    dt = 0.25
    network = half_centre(dt=dt, method="heun")
    inputs = np.zeros((int(400 / dt), 1))
    exact = continuous_rung(network, inputs, dt=dt)
    model = discrete_rung(network, inputs, dt=dt)
    built = simulate(network, inputs, dt=dt, options=OPTIONS)
    times = {
        name: crossings(rung.time, rung.membrane)
        for name, rung in (("scipy", exact), ("model", model), ("netlist", built))
    }
    counts = {name: [len(one) for one in found] for name, found in times.items()}
    assert counts["scipy"] == counts["netlist"] == counts["model"], counts
    assert min(counts["scipy"]) >= 3
    np.testing.assert_allclose(built.membrane[0], (-1.9, -1.0), atol=1e-6)
    for own, other, stepped in zip(times["scipy"], times["netlist"], times["model"], strict=True):
        np.testing.assert_allclose(other, own, atol=0.01)
        np.testing.assert_allclose(stepped, own, atol=4 * dt)


@pytest.mark.simulator
@pytest.mark.parametrize(
    "level", ["behavioural", pytest.param("macromodel", marks=pytest.mark.slow), "transistor"]
)
def test_a_recurrent_layer_before_another_of_the_same_neuron(level):
    """One reads its slow voltage back and one does not: two subcircuits, in one netlist at every level.

    Amplifiers that are not calibrated are up to 0.2 V0 off the equation within these five tau_m.
    """
    process = technology("generic_180nm")
    options = CircuitOptions(scaling=process.scaling(), levels=level, technology=process)
    random = torch.Generator().manual_seed(0)
    loop = RandomLoop(source="us", tau=4.0)
    plans = [
        LayerPlan(name="first", recipe=RECIPES["mtc"], size=2, loop=loop),
        LayerPlan(name="second", recipe=RECIPES["mtc"], size=1),
    ]
    network = layered_network(plans, inputs=1, outputs=1, dt=0.2, low_pass_tau=2.0, generator=random)
    inputs = np.full((25, 1), 0.5)
    run = simulate(network, inputs, dt=0.2, options=options)
    exact = continuous_rung(network, inputs, dt=0.2)
    one, other = (np.stack([np.interp(exact.time, r.time, c) for c in r.membrane.T]) for r in (run, exact))
    assert np.sqrt(np.mean((one - other) ** 2)) < (0.02 if level == "behavioural" else 0.3)


def test_a_layer_with_a_loop_is_one_netlist():
    """Neurons that are joined do not come apart into parts, and a part of them is refused in words."""
    network = pair("output", None)
    inputs = np.zeros((5, 1))
    assert len(part_circuits(network, inputs, dt=0.1, options=OPTIONS)) == 1
    with pytest.raises(CircuitError, match="recurrent weights join the neurons of mtc"):
        OPTIONS.build(network, inputs, dt=0.1, name="part", neurons=[0])
    assert integrate_network(network, inputs, dt=0.1).states["pair"].shape[1] == 3
