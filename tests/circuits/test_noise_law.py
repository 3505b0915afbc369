"""Noise of parts as data: shot noise from the bias, flicker noise from the card, and what has none."""

import dataclasses
import math

import numpy as np
import pytest
import sympy
import torch
from scipy.constants import Boltzmann, elementary_charge, zero_Celsius

from circuits import CircuitError, Scaling, network_circuit, neuron_circuit
from circuits.data.circuit import (
    BehaviouralCurrent,
    NoiseSource,
    Resistor,
    Transconductance,
    evaluate,
)
from circuits.networks.noise import CircuitDraws
from circuits.noise import (
    circuit_noise,
    noisy_network,
    part_noises,
    silent_network,
    with_device_noise,
)
from circuits.noise.devices import METER
from circuits.realisations import realise, recognised
from circuits.realisations.cells.noise import FIVE_TRANSISTORS, TEN_TRANSISTORS, shot
from circuits.realisations.cells.ota import five_transistor_ota, ten_transistor_ota
from circuits.realisations.noise import with_declared_noise
from circuits.technologies import TechnologyError, technology
from conductance import NeuronLayer, mtc
from conductance.elements import tanh
from conductance.layers import Projection
from conductance.networks import Network
from conductance.networks.recipes import RECIPES
from conductance.networks.series import series_network
from conductance.neurons import dqif, low_pass
from conductance.neurons.flicker import flickering
from conductance.neurons.noisy import silent
from conductance.shaping.noise import NoiseError, membrane_density, stationary_covariance
from conductance.tasks import MackeyGlass
from conductance.training import TrainingOptions, train
from conductance.training.module import noise_seed
from netlists.analyses import Tolerances, Transient
from netlists.simulation import simulate
from netlists.writing import write_netlist
from tests.circuits.part_density import at_state

GENERIC = technology("generic_180nm")
PLAIN = GENERIC.model_copy(
    update={name: getattr(GENERIC, name).model_copy(update={"shot_factor": 1.0}) for name in ("nmos", "pmos")}
)
"""The same transistors with the physical shot noise, 2 q I."""
LEAKY = mtc((), leak_limit=1.0)
T = sympy.Symbol("t", real=True)


@pytest.mark.parametrize(
    ("generators", "make", "law"),
    [
        (FIVE_TRANSISTORS, five_transistor_ota, 2 + T + T**2),
        (TEN_TRANSISTORS, ten_transistor_ota, 4 - T + T**2),
    ],
)
def test_an_amplifiers_shot_noise_is_the_sum_over_its_transistors(generators, make, law):
    """2 q I_b times 2 + t + t^2 with five and 4 - t + t^2 with ten; every transistor of the cell has its share."""
    assert sympy.expand(shot(generators, PLAIN, T) - law) == 0
    names = {device.name for device in make(GENERIC, 1e-9).subcircuit.devices if device.name.startswith("m_")}
    assert names == set(generators)


def test_a_leaky_membrane_has_kt_over_c():
    """One pair of five transistors: the variance is 2 n kT/C = q V0/C, in V0^2 the noise power, whatever the bias."""
    noisy = circuit_noise(LEAKY, PLAIN)
    (variance,) = stationary_covariance(noisy, {"um": 0.0}, 0.0).ravel()
    assert variance == pytest.approx(GENERIC.scaling().shot_power, rel=1e-12)
    smaller = circuit_noise(LEAKY, PLAIN, scaling=GENERIC.scaling(capacitance=0.1e-12))
    assert stationary_covariance(smaller, {"um": 0.0}, 0.0)[0, 0] == pytest.approx(10 * variance, rel=1e-12)
    density = membrane_density(noisy, {"um": 0.0}, 0.0, torch.tensor([0.0, 1.0]).numpy())
    assert density.tolist() == pytest.approx([4 * variance, 2 * variance])


def test_the_model_has_the_variance_of_its_law():
    """The exponential rule: 180 tau_m in 2000 neurons give one deviation as 0.24 %, and 3 % are allowed."""
    noisy = circuit_noise(mtc(()))  # the linear leak, which the rule steps exactly
    expected = stationary_covariance(noisy, {"um": 0.0}, 0.0)[0, 0]
    layer = NeuronLayer(noisy, 400, dt=0.2, method="exponential_euler")
    record: list = []
    layer(torch.zeros(1000, 5, 400), seed=4, record=record)
    tail = torch.stack([states[0] for states in record[100:]]).double()
    assert float(tail.var()) == pytest.approx(expected, rel=0.03)


def test_flicker_noise_goes_with_the_square_of_the_bias():
    """Twice the current with the same transistors: four times the flicker noise, twice the shot noise."""
    rest = {"um": 0.0}
    neurons = [mtc((tanh("fast", -alpha),)) for alpha in (1.0, 2.0)]
    leak, element = range(2)
    found = [
        [at_state(part, neuron, rest, GENERIC.scaling()) for part in part_noises(neuron, largest=3e-9)]
        for neuron in neurons
    ]
    assert found[1][element] == pytest.approx((2 * found[0][element][0], 4 * found[0][element][1]))
    assert found[1][leak] == pytest.approx(found[0][leak])


def test_the_circuits_noise_belongs_to_the_declaration():
    """Amplitudes follow the states, one parameter scales them all, and silence gives the neuron back."""
    noisy = circuit_noise(mtc())
    assert silent(noisy) == mtc()
    assert noisy.defaults["noise_power"] == pytest.approx(GENERIC.scaling().shot_power)
    assert {"U_m"} <= {str(symbol) for symbol in noisy.membrane.diffusion.free_symbols}
    filters = circuit_noise(mtc(filter_limit=1.0))
    assert len(filters.noisy) == len(filters.states), (
        "follower-integrators are noisy, ideal resistors are not"
    )


def test_draws_of_a_circuit_are_those_of_the_model():
    """Neuron 2 of a layer: the numbers that the eager step draws in the first series."""
    from conductance.layers.draws import draws

    noisy = circuit_noise(mtc(filter_limit=1.0))
    drawn = [[float(each[0, 2]) for each in step] for step in draws(noisy, torch.zeros(5, 1, 4).double(), 9)]
    mine = CircuitDraws(seed=9, dt=0.1, steps=5)
    for source in range(len(noisy.noisy)):
        assert mine.numbers(2, source).tolist() == pytest.approx([step[source] for step in drawn], rel=1e-12)


def test_devices_get_sources_of_their_noise():
    """One number, one meter and one current for each transistor; the circuit is the same without."""
    built = realise(LEAKY, "transistor", technology=GENERIC)
    circuit = neuron_circuit(LEAKY, 0.0, scaling=GENERIC.scaling(), realisation=built)
    noisy = with_device_noise(circuit, GENERIC, step=1e-6)
    cell = noisy.subcircuit("ota5")
    assert sum(isinstance(device, NoiseSource) for device in cell.devices) == 6
    assert sum(isinstance(device, BehaviouralCurrent) for device in cell.devices) == 7


def test_channels_get_their_flicker_noise():
    """Per channel sqrt(flicker/(W L)) times its current; resistors have none."""
    built = realise(LEAKY, "transistor", technology=GENERIC)
    circuit = neuron_circuit(LEAKY, 0.0, scaling=GENERIC.scaling(), realisation=built)
    cell = with_device_noise(circuit, GENERIC, step=1e-6, flicker=True).subcircuit("ota5")
    sources = [d for d in cell.devices if isinstance(d, NoiseSource) and d.flicker]
    currents = {d.name: d.current for d in cell.devices if d.note == "flicker noise"}
    assert len(sources) == len(currents) == 6
    kind, device = GENERIC.nmos, next(d for d in cell.devices if d.name == "m_tail")
    current = currents["b_m_tail_flicker"]
    at = {
        symbol: METER * 1e-9 if "tail,m_tail_drain" in symbol.name else 1.0 for symbol in current.free_symbols
    }
    expected = math.sqrt(kind.flicker / (device.width * device.length)) * 1e-9
    assert abs(float(current.subs(at))) == pytest.approx(expected, rel=1e-9)


def test_flicker_noise_of_a_neuron_is_that_of_its_parts():
    """The current's density times the frequency is the sum over the parts, at any state; one power scales it."""
    noisy = circuit_noise(mtc(filter_limit=1.0), GENERIC, flicker=(1.0, 1e4))
    assert noisy.defaults["flicker_high"] == pytest.approx(1e4 * GENERIC.scaling().time_unit)
    assert silent(noisy) == mtc(filter_limit=1.0)
    states = {"U_m": -0.7, "U_s": 0.2, "U_us": 0.4}
    for state in noisy.states[:3]:
        current = state.currents["flicker"].subs(noisy.substitutions())
        own = [p.symbol for p in noisy.processes if p.name.startswith(f"flicker_{state.name}_")]
        size = current.subs({s: states[str(s)] for s in noisy.state_symbols[:3]}).subs(
            dict.fromkeys(own, 1.0 / len(own))
        )
        wanted = sum(
            one.flicker.subs(noisy.substitutions()).subs({s: states[str(s)] for s in noisy.state_symbols[:3]})
            for one in part_noises(mtc(filter_limit=1.0), GENERIC)
            if one.state == state.name
        )
        assert float(size) ** 2 == pytest.approx(float(wanted), rel=1e-9)


@pytest.mark.simulator
def test_a_circuit_sees_the_flicker_noise_of_its_model():
    """A behavioural leaky membrane follows the model's run, processes and their start included."""
    neuron = flickering(LEAKY, {"um": 0.2}, band=(1e-3, 1.0))
    scaling, draws = Scaling(), CircuitDraws(seed=3, dt=0.02, steps=400, edge=0.01)
    layer = NeuronLayer(neuron, 1, dt=0.02, method="exponential_euler").double()
    record = []
    layer(torch.zeros(400, 1, 1, dtype=torch.float64), seed=3, record=record)
    model = np.array([float(state[0]) for state in record])
    circuit = neuron_circuit(neuron, 0.0, scaling=scaling, noise=draws)
    analysis = Transient(stop=8.0 * scaling.time_unit, max_step=0.02 * scaling.time_unit)
    run = simulate(write_netlist(circuit, analysis, Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance,
        relative=1e-6,
    ))).require()  # fmt: skip
    time = run["time"].to_numpy() / scaling.time_unit
    voltage = (
        run["voltage"].sel(node="xn.um" if "xn.um" in run["node"] else "um").to_numpy() / scaling.voltage_unit
    )
    found = np.interp(0.02 * np.arange(1, 401), time, voltage)
    assert np.abs(found - model).max() < 0.03 * np.abs(model).max()


def test_a_network_hands_a_seed_to_each_noisy_layer():
    """Two noisy layers see different noise, and the same again with the same seed."""
    layers = {name: NeuronLayer(circuit_noise(LEAKY), 3, dt=0.1) for name in ("first", "second")}
    network = Network(layers)
    inputs = torch.zeros(6, 2, 3)
    assert torch.equal(network(inputs, seed=5)[0], network(inputs, seed=5)[0])
    assert network.noise_seeds(5)["first"] == 5 and len(set(network.noise_seeds(5).values())) == 2


@pytest.mark.parametrize("backend", ["eager", "c"])
def test_without_power_there_is_a_gradient(backend):
    """No noise at all is a legal power; the network then learns as a silent one does, and does not learn NaN."""
    found = []
    for neuron in (
        LEAKY,
        circuit_noise(LEAKY, flicker=(1.0, 1e3)).with_values(noise_power=0.0, flicker_power=0.0),
    ):
        layer = NeuronLayer(neuron, 2, dt=0.1, trainable=["U_rest"], backend=backend)
        _, (voltage, *_) = layer(torch.full((6, 1, 2), 0.5))
        voltage.sum().backward()
        found.append(layer.raw_U_rest.grad.tolist())
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def _without_flicker():
    kinds = {name: getattr(GENERIC, name).model_copy(update={"flicker": None}) for name in ("nmos", "pmos")}
    return GENERIC.model_copy(update=kinds)


@pytest.mark.parametrize(
    ("error", "match", "make"),
    [
        (TechnologyError, "has no flicker noise; set `flicker`", lambda: part_noises(mtc(), _without_flicker())),
        (TechnologyError, "has no nmos", lambda: circuit_noise(mtc(), technology("ideal"))),
        (CircuitError, "say which draws", lambda: neuron_circuit(
            circuit_noise(LEAKY), 0.0, scaling=Scaling())),
        (CircuitError, "its currents have none", lambda: neuron_circuit(
            LEAKY, 0.0, scaling=Scaling(), noise=CircuitDraws(seed=1, dt=0.1, steps=1))),
        (CircuitError, "must be positive", lambda: with_device_noise(
            neuron_circuit(LEAKY, 0.0, scaling=Scaling()), GENERIC, step=0.0)),
        (CircuitError, "no device of its subcircuits has noise", lambda: with_device_noise(
            neuron_circuit(LEAKY, 0.0, scaling=Scaling()), GENERIC, step=1e-6)),
        (CircuitError, "step = 'a' s", lambda: with_device_noise(
            neuron_circuit(LEAKY, 0.0, scaling=Scaling()), GENERIC, step="a")),
        (CircuitError, "um = nan; give a finite", lambda: circuit_noise(LEAKY, at={"um": math.nan})),
        (CircuitError, "um = 'a'; give a finite", lambda: circuit_noise(LEAKY, at={"um": "a"})),
        (CircuitError, "at is a int; .* as {'um': -1.0}", lambda: circuit_noise(LEAKY, at=3)),
        (CircuitError, "at no state; give each", lambda: circuit_noise(LEAKY, at={})),
        (CircuitError, "scaling is a int; give a Scaling", lambda: circuit_noise(LEAKY, scaling=3)),
        (CircuitError, "largest = nan A", lambda: part_noises(LEAKY, largest=math.nan)),
        (CircuitError, "largest = -1 A", lambda: part_noises(LEAKY, largest=-1)),
        (CircuitError, "seed = -1", lambda: CircuitDraws(seed=-1, dt=0.1, steps=1)),
        (CircuitError, "dt = 0", lambda: CircuitDraws(seed=1, dt=0.0, steps=1)),
        (CircuitError, "steps = 0", lambda: CircuitDraws(seed=1, dt=0.1, steps=0)),
        (CircuitError, "edge = 2", lambda: CircuitDraws(seed=1, dt=0.1, steps=1, edge=2)),
        (NoiseError, "it has no noise", lambda: stationary_covariance(mtc(), {}, 0.0)),
        (NoiseError, "give each state once: um, us, uus", lambda: stationary_covariance(
            circuit_noise(mtc()), {"um": 0.0, "u": 0.0}, 0.0)),
        (NoiseError, "is no equilibrium at I = 0: .* flow into um", lambda: stationary_covariance(
            circuit_noise(mtc()), {"um": 1.0, "us": 0.0, "uus": 0.0}, 0.0)),
        (NoiseError, "is not stable", lambda: stationary_covariance(
            circuit_noise(mtc((tanh("fast", -2.0),))), {"um": 0.0}, 0.0)),
        (CircuitError, "amplitude", lambda: NoiseSource(
            name="v", positive="a", negative="0", amplitude=-1.0, step=1e-6)),
    ],
)  # fmt: skip
def test_what_noise_cannot_do_is_refused(error, match, make):
    """One error names the object, what was received, and what is allowed or there instead."""
    with pytest.raises(error, match=match):
        make()


def test_temperature_scales_a_resistors_noise():
    """4 k T/R: the source beside a resistor grows with the square root of the absolute temperature."""
    circuit = neuron_circuit(low_pass(), 0.0, scaling=Scaling())
    sizes = []
    for warm in (27.0, 27.0 + 300.15):
        noisy = with_device_noise(dataclasses.replace(circuit, temperature=warm), GENERIC, step=1e-6)
        found = [d for d in noisy.subcircuits[0].devices if d.note == "thermal noise"]
        sizes.append([float(d.current.subs({s: 1.0 for s in d.current.free_symbols})) for d in found])
    assert sizes[0] and sizes[1] == pytest.approx([math.sqrt(2) * size for size in sizes[0]], rel=1e-6)


@pytest.mark.parametrize("temperature", [-273.15, -300.0, math.nan])
def test_nothing_is_as_cold_as_absolute_zero(temperature):
    """A circuit at or below it is refused by its name and what is allowed."""
    circuit = neuron_circuit(low_pass(), 0.0, scaling=Scaling())
    with pytest.raises(CircuitError, match=f"circuit neuron.*temperature.*{temperature}"):
        dataclasses.replace(circuit, temperature=temperature)


def test_a_source_of_constant_amplitude_is_linear():
    """With amplitudes held, a transconductance of the same size as the source that follows the state, there."""
    at = {state.name: -1.0 for state in mtc().states}
    held, free = circuit_noise(mtc(), at=at), circuit_noise(mtc())
    sizes = {}
    for name, neuron in (("held", held), ("free", free)):
        made = with_declared_noise(realise(silent(neuron), scaling=Scaling()), neuron).subcircuit
        (device,) = [one for one in made.devices if one.name.endswith("um_noise")]
        gain = sympy.sympify(device.gain if isinstance(device, Transconductance) else device.current)
        known = {p.name: p.value for p in made.parameters}
        known |= {f"v({state.name})": -known["v0"] for state in neuron.states} | {"v(noise_um)": 1.0}
        sizes[name] = float(gain.subs({symbol: known[symbol.name] for symbol in gain.free_symbols}))
        assert isinstance(device, Transconductance) == (name == "held")
    assert sizes["held"] == pytest.approx(sizes["free"], rel=1e-9) and sizes["held"] > 0


def test_a_networks_circuit_sees_the_draws_of_its_model():
    """A source for each neuron and state, with the seed of its layer; noise without draws is refused."""
    layers = {
        "hidden": NeuronLayer(circuit_noise(LEAKY), 3, dt=0.1),
        "more": NeuronLayer(circuit_noise(LEAKY), 3, dt=0.1),
    }
    network, inputs = Network(layers), np.zeros((4, 3))
    draws = CircuitDraws(seed=5, dt=0.1, steps=4)
    built = network_circuit(network, inputs, dt=0.1, scaling=Scaling(), noise=draws)
    sources = {d.name: d for d in built.circuit.devices if d.name.startswith("v_") and "noise" in d.name}
    assert len(sources) == 6
    second = dataclasses.replace(draws, seed=network.noise_seeds(5)["more"])
    values = np.array(sources["v_more_2_noise_um"].waveform.values) * math.sqrt(0.1)
    assert values.tolist() == pytest.approx(second.numbers(2, 0).tolist())
    with pytest.raises(CircuitError, match="say which draws"):
        network_circuit(network, inputs, dt=0.1, scaling=Scaling())


def test_a_network_gets_the_noise_of_its_circuit_and_loses_it():
    """Neurons of amplifiers only, every number and what is trained kept; a power of 4 is twice the amplitude."""
    network = Network(
        {
            "input": Projection(1, 3),
            "hidden": NeuronLayer(mtc(), 3, dt=0.1, trainable=["alpha_f_minus"]),
            "filter": NeuronLayer(low_pass(), 3, dt=0.1),
        }
    )
    noisy = noisy_network(network, power=4.0)
    assert noisy.chain["hidden"].neuron.noisy and not noisy.chain["filter"].neuron.noisy
    power = noisy.chain["hidden"].values()["noise_power"]
    assert power.tolist() == pytest.approx([4 * GENERIC.scaling().shot_power] * 3)
    assert [name for name, _ in noisy.named_parameters()] == [name for name, _ in network.named_parameters()]
    again, inputs = silent_network(noisy), torch.ones(5, 2, 1)
    assert torch.equal(again(inputs)[0], network(inputs)[0])
    assert again.chain["hidden"].neuron == network.chain["hidden"].neuron


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (lambda: circuit_noise("lif"), "the neuron is 'lif'; give a declared neuron"),
        (lambda: noisy_network(None), "the network is a NoneType; give a Network"),
        (lambda: noisy_network(Network({"in": Projection(1, 1)}), power="a"), "power = 'a'; give a positive number"),
        (lambda: noisy_network(Network({"in": Projection(1, 1)}), power=math.nan), "power = nan"),
    ],
)  # fmt: skip
def test_noise_of_something_else_is_refused_in_words(asked, words):
    with pytest.raises(CircuitError, match=words):
        asked()


def test_amplitudes_may_stay_what_they_are_somewhere():
    """At the states that are asked for they are those of the law; other names are refused."""
    rest = {"um": -1.0, "us": -1.0, "uus": -1.0}
    law, fixed = circuit_noise(mtc()), circuit_noise(mtc(), at=rest)
    numbers = law.substitutions() | {state.symbol: -1.0 for state in law.states}
    value = float(law.membrane.diffusion.subs(numbers))
    assert float(fixed.membrane.diffusion.subs(fixed.substitutions())) == pytest.approx(value)
    with pytest.raises(CircuitError, match="give each of its states, um, us, uus"):
        circuit_noise(mtc(), at={"um": 0.0})


def test_every_step_of_a_training_sees_other_noise_and_a_repetition_the_same():
    """The seed of the run decides; evaluations see one realisation each time."""
    task = MackeyGlass(
        sample_step=0.5,
        horizon=2.0,
        series_samples=60,
        warm_up=10,
        train_series=4,
        validation_series=2,
        test_series=2,
        held_out_samples=60,
    )
    data, found = task.generate(0), []
    for _ in range(2):
        network = noisy_network(
            series_network(
                RECIPES["mtc"],
                inputs=1,
                hidden=3,
                outputs=1,
                dt=0.2,
                low_pass_tau=2.0,
                generator=torch.Generator().manual_seed(0),
            ),
            power=1e4,
        )
        torch.manual_seed(len(found))  # which decides nothing
        records: list = []
        train(
            network,
            task,
            data,
            TrainingOptions(steps=3, batch=2, evaluate_every=3),
            seed=5,
            report=records.append,
        )
        found.append([record.loss for record in records])
    assert found[0] == found[1]
    assert len({noise_seed(5, step) for step in range(20)}) == 20


def test_each_pair_of_a_part_has_noise_at_its_own_input_and_bias():
    """Leak of staggered pairs: I0 slope w (2 + t + t^2 or 4 - t + t^2), t at the pair's own reference, added up."""
    neuron, u = mtc(()), 0.8
    (noise,) = (one for one in part_noises(neuron, PLAIN) if one.state == "um")
    (part,) = (one for one in recognised(neuron).parts if one.current.state.name == "um" and one.generators)
    assert len(part.pairs()) > 3
    slope = float(part.slope.subs(neuron.substitutions()))
    rising = float(part.current.expression.subs({**neuron.substitutions(), neuron.membrane.symbol: u}))
    law = (
        (lambda t: 4 - t + t * t)
        if len(part.generators) == len(TEN_TRANSISTORS)
        else (lambda t: 2 + t + t * t)
    )
    sign = 1 if rising > 0 else -1
    middle = -float(
        sympy.solve(part.current.expression.subs(neuron.substitutions()), neuron.membrane.symbol)[0]
    )
    expected = sum(
        slope * pair.weight * law(math.tanh(sign * (u + middle) - pair.reference)) for pair in part.pairs()
    )
    found = float(noise.shot.subs({**neuron.substitutions(), neuron.membrane.symbol: u}))
    assert found == pytest.approx(expected, rel=1e-9)


def test_all_currents_of_a_state_fluctuate():
    """The membrane's diffusion squared is the power times the sum over leak and elements."""
    neuron = mtc((tanh("fast", -1.0), tanh("slow", 1.0)))
    noisy = circuit_noise(neuron)
    at = noisy.substitutions() | {state.symbol: 0.3 for state in noisy.states}
    parts = [float(one.shot.subs(at)) for one in part_noises(neuron) if one.state == "um"]
    assert len(parts) == 3
    size = float((noisy.membrane.diffusion * noisy.membrane.capacity).subs(at))
    assert size**2 == pytest.approx(noisy.defaults["noise_power"] * sum(parts), rel=1e-9)


def test_flicker_noise_of_a_balanced_pair_is_that_of_four_transistors():
    """At rest tail and bias cancel; two of the pair and two of the mirror have half the current each, over W L."""
    rest, bias = {"um": 0.0}, 3e-9
    (part,) = part_noises(LEAKY, largest=bias)
    _, slow = at_state(part, LEAKY, rest, GENERIC.scaling())
    sizes = {p: GENERIC.width(p, bias) * GENERIC.transistor(p).length for p in ("nmos", "pmos")}
    expected = sum(2 * 0.25 * GENERIC.transistor(p).flicker / sizes[p] for p in sizes)
    assert slow == pytest.approx(expected * GENERIC.scaling().current_unit ** 2, rel=1e-9, abs=0)


def test_sources_of_devices_have_the_densities_of_the_law():
    """q I over the step for a channel, 2 k T/(R step) for a resistor: half of 2 q I and 4 k T/R each, one-sided."""
    step, current = 1e-6, 2e-9
    built = realise(LEAKY, "transistor", technology=PLAIN)
    circuit = neuron_circuit(LEAKY, 0.0, scaling=PLAIN.scaling(), realisation=built)
    cell = with_device_noise(circuit, PLAIN, step=step).subcircuit("ota5")
    drains = {device.name: device.drain for device in five_transistor_ota(PLAIN, 1e-9).subcircuit.devices
              if device.name.startswith("m_")}  # fmt: skip
    for name, drain in drains.items():
        (source,) = (d for d in cell.devices if d.name == f"b_{name}")
        falls = [s for s in source.current.free_symbols if "_drain" in s.name]
        # current flows into an nmos' drain and out of a pmos'
        ends = (drain, f"{name}_drain") if name in ("m_bias", "m_tail", "m_plus", "m_minus") else (
            f"{name}_drain", drain)  # fmt: skip
        assert [s.name for s in falls] == [f"v({ends[0]},{ends[1]})"]
        others = dict.fromkeys(source.current.free_symbols - set(falls), 1.0)
        size = float(source.current.subs({falls[0]: METER * current, **others}))
        assert size**2 == pytest.approx(elementary_charge * current / step, rel=1e-6, abs=0)
    plain = neuron_circuit(low_pass(), 0.0, scaling=Scaling())
    noisy = with_device_noise(plain, GENERIC, step=step).subcircuits[0]
    numbers = {p.name: p.value for p in noisy.parameters}
    resistors = [device for device in plain.subcircuits[0].devices if isinstance(device, Resistor)]
    assert resistors
    for resistor in resistors:
        (source,) = (d for d in noisy.devices if d.name == f"b_{resistor.name}")
        ohm = evaluate(resistor.resistance, numbers)
        size = float(source.current.subs({s: numbers.get(s.name, 1.0) for s in source.current.free_symbols}))
        warm = plain.temperature + zero_Celsius
        assert size**2 == pytest.approx(2 * Boltzmann * warm / ohm / step, rel=1e-6, abs=0)


def test_a_map_has_the_noise_of_its_switches_and_a_filter_has_none():
    """Each layer has its circuit's noise, scaled alike; a network of ideal filters has none to be asked for."""
    sampled = NeuronLayer(dqif(), 3, dt=1.0)
    filters = NeuronLayer(low_pass(), 3, dt=1.0)
    network = noisy_network(
        Network({"first": NeuronLayer(LEAKY, 3, dt=1.0), "second": sampled, "third": filters}), power=4.0
    )
    assert network.noisy == ("first", "second")
    own = circuit_noise(dqif(), GENERIC).defaults["sampling_power"]
    assert network.chain["second"].neuron.defaults["sampling_power"] == pytest.approx(4 * own)
    with pytest.raises(CircuitError, match=r"none of its layers \(third\) has noise"):
        noisy_network(Network({"third": filters}))


def test_every_noisy_state_has_its_own_draws_and_the_amplitude_of_its_currents():
    """v_noise_STATE holds draw number k over sqrt(dt); its current is I0 times the amplitude, whatever the capacity."""
    for tau in (1.0, 3.0):
        neuron = mtc(filter_limit=1.0, leak_limit=1.0).with_values(tau_m=tau)
        noisy, draws = circuit_noise(neuron), CircuitDraws(seed=4, dt=0.25, steps=6, edge=0.5)
        sources = list(draws.sources(noisy, Scaling(), lane=2))
        assert len(sources) == len(noisy.noisy) > 1
        for place, (source, state) in enumerate(zip(sources, noisy.noisy, strict=True)):
            assert source.positive == f"noise_{state.name}"
            assert source.waveform.values == pytest.approx((2 * draws.numbers(2, place)).tolist())
            assert source.waveform.edge == pytest.approx(0.5 * 0.25 * Scaling().time_unit)
        built = realise(noisy, scaling=Scaling()).subcircuit
        for state in noisy.noisy:
            (device,) = (d for d in built.devices if d.name == f"b_{state.name}_noise")
            assert (device.source, device.sink) == ("0", state.name)
            values = {s: 1e-9 if s.name == "i0" else 1.0 for s in device.current.free_symbols}
            values |= {
                s: p.value for p in built.parameters for s in device.current.free_symbols if s.name == p.name
            }
            at = noisy.substitutions() | {s.symbol: 1.0 / Scaling().voltage_unit for s in noisy.states}
            wanted = float(sympy.sqrt(sum(part**2 for part in state.noise.values())).subs(at))
            assert float(device.current.subs(values)) == pytest.approx(1e-9 * wanted, rel=1e-6, abs=0)
