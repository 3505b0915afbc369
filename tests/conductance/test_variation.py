"""Deviations: a varied network is the declared equation with gains, offsets and capacitors that are off."""

import numpy as np
import pytest
import torch

from conductance.elements import tanh
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import adlif, low_pass, mtc
from conductance.neurons.base import INPUT
from conductance.tasks import MackeyGlass
from conductance.training import TrainingOptions, train
from conductance.variation import (
    Deviations,
    Mismatch,
    VariationError,
    draw_deviations,
    handles,
    rescaled,
    varied_network,
    varied_state,
)
from conductance.variation.deviations import WeightDeviations
from conductance.variation.handles import Handles, Scale
from conductance.variation.varied import strengths, varied_values

NEURONS = {
    "linear": mtc(),
    "slewing": mtc(filter_limit=1.0, leak_limit=4.0),
    "fast filter": mtc([tanh("fast", -2.0, 0.1), tanh("slow", 1.5, -0.4)], tau_f=0.5, filter_limit=2.0),
}
SIZE = 4


def layer_of(neuron, **arguments):
    return NeuronLayer(neuron, SIZE, dt=0.2, **arguments)


def network(neuron=NEURONS["slewing"], **arguments):
    torch.manual_seed(3)
    return Network(
        {
            "encoder": Projection(1, SIZE),
            "hidden": layer_of(neuron, **arguments),
            "readout": Projection(SIZE, 1),
            "filter": NeuronLayer(low_pass(tau=2.0), 1, dt=0.2, method="alternating_euler"),
        }
    )


def physical_rates(neuron, layer, deviation, states, current, index):
    """dX/dt of amplifiers with gain k and input offset o, read off the declaration with its nominal numbers."""
    numbers = {p.symbol: float(layer.values()[p.name][index]) for p in neuron.parameters}
    known = handles(neuron)
    rates = []
    for state in neuron.states:
        total = 0.0
        for name, expression in state.currents.items():
            key = f"{state.name}.{name}"
            if expression == INPUT:
                total += current
                continue
            gain, offset = (float(part[key][index]) for part in (deviation.gains, deviation.offsets))
            # the offset lowers what the amplifier reads: of a filter, that is its plus input, the membrane
            read = neuron.membrane.symbol if key in known.readers else None
            moved = {
                symbol: value - (offset if read in (None, symbol) else 0.0)
                for symbol, value in states.items()
            }
            total += np.exp(gain) * float(expression.subs(numbers).subs(moved))
        capacity = float(state.capacity.subs(numbers)) * np.exp(
            float(deviation.capacities[state.name][index])
        )
        rates.append(total / capacity)
    return rates


@pytest.mark.parametrize("name", NEURONS)
def test_deviations_are_those_of_amplifiers(name):
    """Varied parameters give the rates of amplifiers k I(V - o) on capacitors c C, filters moved."""
    neuron = NEURONS[name]
    layer = layer_of(neuron).double()
    chain = Network({"hidden": layer})
    deviation = draw_deviations(chain, Mismatch(current=0.2, offset=0.1, capacitor=0.1), seed=4).layers[
        "hidden"
    ]
    varied = dict(layer.values()) | varied_values(layer, deviation)
    generator = np.random.default_rng(0)
    for index in range(SIZE):
        values = dict(zip(neuron.state_symbols, generator.uniform(-2, 2, len(neuron.states)), strict=True))
        # the varied model's filtered voltage lies above the amplifier's by the filter's offset
        physical = dict(values)
        for key in handles(neuron).readers:
            state = next(s for s in neuron.states if s.name == key.split(".")[0])
            physical[state.symbol] -= float(deviation.offsets[key][index])
        expected = physical_rates(neuron, layer, deviation, physical, 0.7, index)
        numbers = {p.symbol: float(varied[p.name][index]) for p in neuron.parameters}
        found = [
            float((state.total / state.capacity).subs(numbers).subs(values).subs({INPUT: 0.7}))
            for state in neuron.states
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_output_and_weights():
    """The output stage reads its input with an offset; weights and biases have a factor of their own."""
    net = network()
    drawn = draw_deviations(net, Mismatch(current=0.1, offset=0.2), seed=2)
    chip = varied_network(net, drawn)
    for name in ("U_th", "U_sat"):
        moved = chip.chain["hidden"].values()[name] - net.chain["hidden"].values()[name]
        torch.testing.assert_close(moved, drawn.layers["hidden"].output)
    ratio = chip.chain["encoder"].weight / net.chain["encoder"].weight
    torch.testing.assert_close(ratio.log(), drawn.layers["encoder"].weight)
    torch.testing.assert_close(chip.chain["filter"].values()["tau"], net.chain["filter"].values()["tau"])


def test_a_capacitor_that_falls_with_its_parameter_is_larger_where_that_is_smaller():
    """A declaration may state a rate instead of a time constant, C = 1/rate: a larger C is a smaller rate."""
    known = Handles(
        gains={}, offsets={}, readers={}, capacities={"u": Scale(parameter="rate", degree=-1)}, coupled={"u": {}},
        output=(),
    )  # fmt: skip
    larger = torch.tensor([0.2, -0.1])
    torch.testing.assert_close(strengths(known, {}, {"u": larger})["rate"], torch.exp(-larger))


def test_draws_have_their_sigma_and_belong_to_their_seed():
    """10 000 weights scatter with the stated sigma; a seed repeats its chip, another is another."""
    net = Network({"wide": Projection(100, 100)})
    mismatch = Mismatch(current=0.05)
    one, again, other = (
        draw_deviations(net, mismatch, seed=seed).layers["wide"].weight for seed in (1, 1, 2)
    )
    assert float(one.std()) == pytest.approx(0.05, rel=4 / np.sqrt(2 * 10_000))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_sigmas_do_not_move_each_other():
    """Without offsets the gains of a seed are the ones that it has with offsets."""
    net = network()
    alone = draw_deviations(net, Mismatch(current=0.05), seed=1).layers["hidden"]
    both = draw_deviations(net, Mismatch(current=0.05, offset=0.1), seed=1).layers["hidden"]
    for name, gains in alone.gains.items():
        assert torch.equal(gains, both.gains[name])
    assert not any(offsets.any() for offsets in alone.offsets.values())


def test_gradient_reaches_the_nominal_parameters():
    """d loss/d alpha through a chip agrees with finite differences of chips with a moved nominal alpha."""
    trained = ("alpha_f_minus", "tau_s")
    net = network(trainable=trained).double()
    drawn = draw_deviations(net, Mismatch(current=0.1, offset=0.05), seed=5)
    inputs = torch.randn(60, 3, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1.0

    def loss():
        return torch.func.functional_call(net, varied_state(net, drawn), (inputs,))[0].square().mean()

    loss().backward()
    step = 1e-5
    for name in trained:
        raw = getattr(net.chain["hidden"], f"raw_{name}")
        with torch.no_grad():
            raw[0] += step
            above = float(loss())
            raw[0] -= 2 * step
            below = float(loss())
            raw[0] += step
        # central differences: a truncation error of step^2, and rounding of 1e-16/step
        assert float(raw.grad[0]) == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("leak_limit", [None, 4.0])
def test_pairs_of_another_unit(leak_limit):
    """Pairs alpha tanh((V - delta)/r), filter and leak that know no r, capacitors twice as large: the same rates."""
    ratio, larger = 1.3, 2.0
    neuron = mtc(leak_limit=leak_limit)
    layer = layer_of(neuron, values={"U_rest": 0.3, "R": 0.8}).double()
    wide = {"um.leak": ("leak_limit",) if leak_limit else (), "us.filter": (), "uus.filter": ()}
    other = rescaled(Network({"hidden": layer}), ratio, larger, wide={"hidden": wide}).chain["hidden"]
    nominal, scaled = (
        {p.symbol: float(chosen.values()[p.name][0]) for p in neuron.parameters} for chosen in (layer, other)
    )
    volts = dict(zip(neuron.state_symbols, (0.7, -0.4, 0.2), strict=True))
    units = {symbol: value / ratio for symbol, value in volts.items()}
    for state in neuron.states:
        expected = 0.0
        for name, current in state.currents.items():
            if name.startswith(("f_", "s_", "us_")):
                pair = {p.symbol: nominal[p.symbol] / ratio for p in neuron.parameters if p.unit == "V0"}
                expected += float(current.subs(units).subs(pair).subs(nominal))
            else:
                expected += float(current.subs(volts).subs({INPUT: 0.5}).subs(nominal))
        expected /= larger * float(state.capacity.subs(nominal))
        rate = (state.total / state.capacity).subs(units).subs({INPUT: 0.5}).subs(scaled)
        assert ratio * float(rate) == pytest.approx(expected, rel=1e-6)


def options(**changes):
    return TrainingOptions(
        **({"steps": 4, "batch": 2, "evaluate_every": 2, "mismatch_current": 0.1} | changes)
    )


def small_task():
    return MackeyGlass(
        series_samples=60, warm_up=10, train_series=4, validation_series=2, test_series=2, held_out_samples=60,
        sample_step=0.2, horizon=5.0,
    )  # fmt: skip


def test_training_on_chips_resumes_bit_by_bit(tmp_path):
    """A training of a chip per step that is broken off after two of four steps ends with the same weights."""
    task = small_task()
    data = task.generate(0)
    whole, broken = network(trainable=("alpha_f_minus",)), network(trainable=("alpha_f_minus",))
    train(whole, task, data, options(), seed=1)

    class Stop(Exception):
        pass

    def stop(record):
        if record.split == "train" and record.step == 3:
            raise Stop

    with pytest.raises(Stop):
        train(broken, task, data, options(), seed=1, folder=tmp_path, report=stop)
    resumed = network(trainable=("alpha_f_minus",))
    result = train(resumed, task, data, options(), seed=1, folder=tmp_path)
    assert result.resumed_at == 2
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_every_step_sees_another_chip():
    """With one series and no learning to speak of, losses differ from step to step only where chips do."""
    task = small_task()
    data = task.generate(0)

    def losses(**changes):
        found = []
        chosen = options(batch=4, learning_rate=1e-12, **changes)
        train(network(), task, data, chosen, report=lambda r: r.split == "train" and found.append(r.loss))
        return found

    assert np.ptp(losses(mismatch_current=0.0)) < 1e-7
    assert len(set(np.round(losses(), 6))) == 4


def test_refusals():
    """What cannot be varied is named: currents without parameters, a stranger's deviations, a bad sigma."""
    with pytest.raises(VariationError, match=r"adlif, .*no parameter of its own"):
        handles(adlif())
    with pytest.raises(VariationError, match="no such layer other"):
        strange = WeightDeviations(weight=torch.zeros(1, 1), bias=torch.zeros(1))
        varied_state(network(), Deviations(layers={"other": strange}))
    with pytest.raises(VariationError, match=r"weight of layer encoder have shape \(1, 1\)"):
        varied_state(network(), Deviations(layers={"encoder": strange}))
    with pytest.raises(VariationError, match="offset = -1"):
        Mismatch(offset=-1)
    assert not Mismatch()
