"""Mismatch of single devices: draws by name, in every netlist, and what they make of cells and of the model."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chi2, kstest

from circuits.calibration.amplifiers import fit_tanh
from circuits.data.circuit import CircuitError, Mosfet
from circuits.data.values import evaluate
from circuits.mismatch.bench import SENSE_VOLTAGE, SWEPT, amplifiers_bench, leaks_bench, output_of
from circuits.mismatch.chips import DeviceMismatch
from circuits.mismatch.circuit import drawn_circuit, draws, places, with_draws
from circuits.mismatch.deviations import rows, transistor_circuit
from circuits.mismatch.draws import CAPACITOR, CURRENT, THRESHOLD, normals, sized_transistor
from circuits.mismatch.sensitivities import Effect, Sensitivities
from circuits.networks.continuous import network_circuit
from circuits.realisations import kit, realise
from circuits.technologies import technology
from conductance.elements import tanh
from conductance.layers import Code, NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import low_pass, mtc
from excitable.ladder.options import CircuitOptions
from excitable.ladder.rungs import discrete_rung
from excitable.ladder.series import simulate
from excitable.mismatch.network import device_mismatch
from excitable.mismatch.sensitivities import cell_effects, swept
from netlists.analyses import DCSweep, OperatingPoint, Tolerances
from netlists.errors import NetlistError
from netlists.simulation import solve
from netlists.writing import write_netlist

GENERIC = technology("generic_180nm")
NEURON = mtc([tanh("fast", -2.0), tanh("slow", 2.0)], filter_limit=1.0)
BIAS = 2e-9
DT = 0.1
TOLERANCES = Tolerances(relative=1e-6, current=1e-17, voltage=1e-9, charge=1e-19, conductance=1e-16)


def network(size: int = 2) -> Network:
    chain = Network(
        {
            "input": Projection(1, size),
            "hidden": NeuronLayer(NEURON, size, dt=DT),
            "readout": Projection(size, 1),
            "filter": NeuronLayer(low_pass(tau=20.0), 1, dt=DT),
        }
    )
    with torch.no_grad():
        chain.chain["input"].bias.copy_(torch.tensor([-0.7, -0.5, -0.3][:size]))
        chain.chain["readout"].weight.copy_(torch.tensor([[1.0, -0.5, 0.3][:size]]))
    return chain.double()


def written(circuit, dialect="ngspice"):
    sweep = DCSweep(source=SWEPT, start=-0.1, stop=0.1, step=0.01)
    return "\n".join(write_netlist(circuit, sweep, TOLERANCES, dialect=dialect).files.values())


def test_draws_are_standard_normal_and_follow_from_seed_and_name_alone():
    """10 000 names: Kolmogorov and Smirnov see a normal law; neighbours in seed and name have nothing in common."""
    first = np.array([normals(1, f"x{k}.m_tail", 2) for k in range(10000)])
    second = np.array([normals(2, f"x{k}.m_tail", 2) for k in range(10000)])
    assert kstest(first.ravel(), "norm").pvalue > 1e-3
    for pair in ((first[:, 0], first[:, 1]), (first[:, 0], second[:, 0]), (first[:-1, 0], first[1:, 0])):
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.04
    assert normals(1, "x3.m_tail", 2) == tuple(first[3])
    for seed in (-1, 1.5, True):
        with pytest.raises(CircuitError, match="whole number"):
            normals(seed, "x", 1)


def test_a_part_of_a_network_has_the_draws_of_the_whole():
    """Whatever else is in the netlist, and in whatever order, a device of one chip is off by the same."""
    inputs = np.zeros((2, 1))
    whole, part = (
        network_circuit(
            network(3), inputs, dt=DT, scaling=GENERIC.scaling(), levels="transistor", technology=GENERIC,
            neurons=neurons,
        ).circuit
        for neurons in (None, [2])
    )  # fmt: skip
    every, some = (draws(circuit, GENERIC, seed=4) for circuit in (whole, part))
    assert set(some) < set(every) and len(some) > 100
    assert all(every[path] == numbers for path, numbers in some.items())
    turned = draws(replace(whole, devices=whole.devices[::-1]), GENERIC, seed=4)
    assert turned == every
    assert draws(whole, GENERIC, seed=5) != every


def test_spreads_follow_area():
    """Sigma is the coefficient over sqrt(W L m); what was read off a current is a larger threshold."""
    device = Mosfet(
        name="m",
        drain="d",
        gate="g",
        source="s",
        bulk="b",
        model="nch",
        width=4e-6,
        length=1e-6,
        multiplicity=4,
    )
    spread = sized_transistor(device, GENERIC)
    assert spread.spreads[THRESHOLD] == pytest.approx(GENERIC.nmos.pelgrom_threshold / 4e-6)
    assert spread.spreads[CURRENT] == pytest.approx(GENERIC.nmos.pelgrom_current / 4e-6)
    sky = technology("sky130")
    read = sized_transistor(replace(device, model=sky.pmos.model), sky)
    assert read.spreads[THRESHOLD] == pytest.approx(sky.pmos.pelgrom_threshold / 0.797 / 4e-6)
    with pytest.raises(CircuitError, match="none of technology"):
        sized_transistor(device, sky)


def test_every_device_of_a_drawn_circuit_is_off_by_its_own_draw():
    """The numbers reach the transistors by parameters of shared definitions, however deep they lie."""
    circuit = transistor_circuit(network(), GENERIC, GENERIC.scaling())
    drawn = drawn_circuit(circuit, GENERIC, seed=7)
    wanted = draws(circuit, GENERIC, seed=7)
    assert len(drawn.subcircuits) == len(circuit.subcircuits)
    transistors = 0
    for place in places(drawn):
        if isinstance(place.device, Mosfet):
            off = {THRESHOLD: place.device.threshold_shift, CURRENT: place.device.current_factor}
            assert {kind: evaluate(value, place.numbers) for kind, value in off.items()} == wanted[place.path]
            transistors += 1
    assert transistors == sum(isinstance(place.device, Mosfet) for place in places(circuit)) > 150
    text = "\n".join(write_netlist(drawn, OperatingPoint(), TOLERANCES).files.values())
    assert "delvto={dv_m_tail} mulu0={ku_m_tail}" in text and "dv_x_um_f_minus__m_plus=" in text
    assert "chip 7 of generic_180nm" in text


def test_what_cannot_be_drawn_is_said():
    """A circuit drawn twice, a device that is not there, a kind that it does not have, a dialect without a word."""
    cell = kit("transistor", GENERIC, bias=BIAS).element
    bench = amplifiers_bench(cell, GENERIC, BIAS, 1)
    drawn = drawn_circuit(bench, GENERIC, seed=0)
    with pytest.raises(CircuitError, match="only once"):
        drawn_circuit(drawn, GENERIC, seed=1)
    for off in ({"x0.m_nobody": {THRESHOLD: 0.0}}, {"x0.m_tail": {CAPACITOR: 1.0}}):
        with pytest.raises(CircuitError, match="cannot be off by"):
            with_draws(bench, off)
    for dialect in ("ltspice", "xyce"):
        with pytest.raises(NetlistError, match="off its model"):
            written(drawn, dialect)


@pytest.mark.simulator
@pytest.mark.parametrize("process", ["generic_180nm"])
def test_sensitivities_give_the_spread_of_drawn_cells(process):
    """Sigma of gain and balance of 80 drawn followers lies in the joint 99 % interval of what sensitivities say."""
    made_of = technology(process)
    cell, unit = kit("transistor", made_of, bias=BIAS).follower, made_of.scaling().voltage_unit
    effects = cell_effects(cell, made_of, BIAS, unit, "ngspice")
    count = 80
    bench = drawn_circuit(amplifiers_bench(cell, made_of, BIAS, count), made_of, seed=1)
    voltages, read = swept(bench, (-5 * unit, 5 * unit), [output_of(k) for k in range(count)], "ngspice")
    fits = [fit_tanh(voltages, row / SENSE_VOLTAGE * BIAS, bias=BIAS) for row in read]
    gains = np.log([fit.gain for fit in fits])
    balances = [fit.offset / unit - math.atanh(fit.imbalance) for fit in fits]
    devices = {d.name: d for d in cell.subcircuit.devices if isinstance(d, Mosfet)}
    assert set(effects) == set(devices)

    def sigma(of):
        moved = [
            of(effect) * sized_transistor(devices[name], made_of).spreads[kind]
            for name, kinds in effects.items()
            for kind, effect in kinds.items()
        ]
        return math.hypot(*moved)

    # two quantities, 99 % for both together
    low, high = np.sqrt(chi2.ppf([0.0025, 0.9975], count - 1) / (count - 1))
    for found, said in (
        (np.std(gains, ddof=1), sigma(lambda e: e.gain)),
        (np.std(balances, ddof=1), sigma(lambda e: e.offset - e.constant)),
    ):
        assert low < found / said < high


@pytest.mark.simulator
def test_a_drawn_leak_is_moved_as_its_row_says():
    """Seven pairs, 60 transistors: rest and slope of drawn leaks follow their draws, correlated by 0.98 or more."""
    scaling, count = GENERIC.scaling(), 12
    unit = scaling.voltage_unit
    built = realise(NEURON, "transistor", technology=GENERIC, scaling=scaling, bias=BIAS)
    cell = kit("transistor", GENERIC, bias=BIAS).follower
    known = Sensitivities(cells={cell.subcircuit.name: cell_effects(cell, GENERIC, BIAS, unit, "ngspice")})
    bench = leaks_bench(NEURON, built, "um_leak", count)
    drawn = draws(bench, GENERIC, seed=3)
    found = solve(
        with_draws(bench, drawn), DCSweep(source=SWEPT, start=-2.5 * unit, stop=2.5 * unit, step=unit / 4), TOLERANCES
    ).require()  # fmt: skip
    order = np.argsort(found["sweep"].to_numpy())
    voltages = found["sweep"].to_numpy()[order] / unit
    currents = found["current"].sel(source=[f"v_meter{k}" for k in range(count)]).transpose("source", ...)
    slopes, constants = np.polyfit(voltages, -currents.to_numpy()[:, order].T / scaling.current_unit, 1)
    net = Network({"hidden": NeuronLayer(NEURON, 1, dt=DT)})
    circuit = transistor_circuit(net, GENERIC, scaling)
    leaks = [row for row in _leak_rows(net, circuit, known) if row.part == "hidden.um.leak"]
    assert len(leaks) == 7 * 6 * 2
    said = np.array([_moved(leaks, drawn, f"x{k}") for k in range(count)])
    assert np.corrcoef(said[:, 0], np.log(-slopes))[0, 1] > 0.98
    assert np.corrcoef(said[:, 1], -constants / slopes)[0, 1] > 0.98
    assert np.std(said[:, 1]) / np.std(-constants / slopes) == pytest.approx(1.0, abs=0.1)


def _leak_rows(net, circuit, known):
    """Rows of a neuron whose elements do nothing."""
    nothing = {kind: Effect() for kind in (THRESHOLD, CURRENT)}
    element = kit("transistor", GENERIC, bias=BIAS).element.subcircuit.name
    return rows(net, circuit, replace(known, cells={**known.cells, element: {"m_tail": nothing}}))


def _moved(leaks, drawn, copy):
    gain = offset = 0.0
    for row in leaks:
        value = drawn[row.path.replace("xhidden_0", copy)][row.kind]
        amount = value if row.kind == THRESHOLD else math.log(value)
        for number, factor in row.moves.items():
            gain += factor * amount * (number.field == "gains")
            offset += factor * amount * (number.field == "offsets")
    return gain, offset


@pytest.mark.simulator
@pytest.mark.slow
def test_the_model_of_a_chip_follows_its_transistors():
    """Of three chips of three spiking neurons, what each changes in the output correlates by 0.95 in the median."""
    net, design = (
        network(3),
        CircuitOptions(scaling=GENERIC.scaling(), levels="transistor", technology=GENERIC),
    )
    inputs = 0.2 * np.sin(np.arange(steps := 800) * DT / 15)[:, None]
    mismatch = device_mismatch(net, design)
    nominal = simulate(net, inputs, dt=DT, options=design).prediction(DT, steps)[:, 0]
    exact = discrete_rung(net, inputs, dt=DT).prediction(DT, steps)[:, 0]
    agreement = []
    for seed in (1, 2, 3):
        model = discrete_rung(mismatch.chip(net, seed=seed).model(net), inputs, dt=DT).prediction(DT, steps)[
            :, 0
        ]
        chip = simulate(net, inputs, dt=DT, options=replace(design, chip=seed)).prediction(DT, steps)[:, 0]
        agreement.append(np.corrcoef(model - exact, chip - nominal)[0, 1])
    assert np.median(agreement) > 0.95


def test_deviations_sum_the_rows_of_a_chip():
    """One transistor with one effect moves just the numbers that its row names, by its draw."""
    net = network()
    effect = {THRESHOLD: Effect(gain=3.0, offset=2.0), CURRENT: Effect()}
    cells = {
        cell.subcircuit.name: {"m_tail": effect}
        for made in (kit("transistor", GENERIC, bias=BIAS),)
        for cell in (made.element, made.follower)
    }
    known = Sensitivities(
        cells=cells,
        output={"m_take": {THRESHOLD: Effect(gain=1.0, offset=0.5)}},
        synapses={
            "synapse_excitatory": {"m_1_0": {THRESHOLD: Effect(gain=1.0)}},
            "synapse_inhibitory": {"m_1_0": {THRESHOLD: Effect(gain=1.0)}},
        },
    )
    mismatch = DeviceMismatch.of(net, GENERIC, GENERIC.scaling(), known)
    layers = mismatch.chip(net, seed=2).deviations.layers
    drawn = draws(mismatch.circuit, GENERIC, seed=2)
    tail = drawn["xhidden_1.x_um_f_minus.m_tail"][THRESHOLD]
    assert layers["hidden"].gains["um.f_minus"][1].item() == pytest.approx(3 * tail)
    assert layers["hidden"].offsets["um.f_minus"][1].item() == pytest.approx(2 * tail)
    slow = drawn["xhidden_0.x_um_s_plus.m_tail"][THRESHOLD]
    assert layers["hidden"].offsets["um.s_plus"][0].item() == pytest.approx(-2 * slow)
    take = drawn["xhidden_1.m_take"][THRESHOLD]
    assert layers["hidden"].output[1].item() == pytest.approx(0.5 * take)
    own = [path for path in drawn if path.startswith("x_filter_0_y1_hidden_1_out.m_")]
    share = [row for row in mismatch.rows if row.path in own]
    moved = sum(next(iter(row.moves.values())) * drawn[row.path][THRESHOLD] for row in share)
    assert layers["readout"].weight[0, 1].item() == pytest.approx(take + moved)
    assert (layers["input"].weight == 0).all() and (layers["readout"].bias == 0).all()
    assert layers["hidden"].capacities["um"][0].item() == pytest.approx(
        math.log(drawn["xhidden_0.c_um"][CAPACITOR])
    )


def test_the_units_of_a_weight_share_it():
    """If the current of every unit grows by a share, so does the weight: what units in parallel and chains add is 1."""
    net = network()
    with torch.no_grad():
        net.chain["readout"].weight.copy_(torch.tensor([[1.0, -0.4]]))
    unit = {"m_1_0": {CURRENT: Effect(gain=1.0)}}
    known = Sensitivities(
        cells={name: {} for name in ("ota5", "ota10")},
        synapses={"synapse_excitatory": unit, "synapse_inhibitory": unit},
    )
    circuit = transistor_circuit(net, GENERIC, GENERIC.scaling())
    placed = {place.path: place.device for place in places(circuit)}
    moved: dict = {}
    for row in rows(net, circuit, known):
        for number, factor in row.moves.items():
            if (number.layer, number.field) == ("readout", "weight"):
                moved.setdefault(number.index, {})[row.path] = factor
    assert set(moved) == {(0, 0), (0, 1)}
    for units in moved.values():
        assert sum(units.values()) == pytest.approx(1.0)
        lengths = {path: int(path.split("_")[-2]) for path in units}
        # current of a chain over its length, for each of its transistors
        shares = {path: placed[path].multiplicity / length**2 for path, length in lengths.items()}
        whole = sum(shares.values())
        assert units == pytest.approx({path: share / whole for path, share in shares.items()})
    assert max(placed[path].multiplicity for units in moved.values() for path in units) > 1
    assert any(len(units) > 1 for units in moved.values())


def test_coded_weights_are_moved_by_the_bits_that_are_on():
    """A converter's bits count by their share of the code, mirrors before it move every weight that they hand on."""
    net = network()
    net.chain["readout"].code = Code(bits=4)
    threshold = {THRESHOLD: Effect(gain=1.0)}
    turned = {"m_1_0": threshold, "m_fold": threshold, "m_sink": {THRESHOLD: Effect(gain=-1.0)}}
    known = Sensitivities(
        cells={name: {} for name in ("ota5", "ota10")},
        output={"m_take": threshold},
        synapses={"synapse_excitatory": {"m_1_0": threshold}, "synapse_inhibitory": turned},
    )
    circuit = transistor_circuit(net, GENERIC, GENERIC.scaling())
    found = {}
    for row in rows(net, circuit, known):
        for number, factor in row.moves.items():
            if (number.layer, number.field, number.index) == ("readout", "weight", (0, 1)):
                found[row.path] = factor
    # -0.5 of a largest weight of 1 in 4 bits is -4 or -3 of 7
    (converter,) = {path.partition(".")[0] for path in found if path.endswith(".m_turned")}
    bits = {
        path: factor
        for path, factor in found.items()
        if path.startswith(f"{converter}.m_") and path[-1].isdigit()
    }
    assert sum(bits.values()) == pytest.approx(1.0) and len(bits) in (1, 2)
    assert found[f"{converter}.m_fold"] == 1.0 and found[f"{converter}.m_turned"] == -1.0
    assert found["xhidden_1.m_take"] == 1.0
    (mirror,) = {path.partition(".")[0] for path in found if path.endswith(".m_copy")}
    assert [found[f"{mirror}.{name}"] for name in ("m_in", "m_copy", "m_down", "m_sink")] == [
        -1.0,
        1.0,
        1.0,
        -1.0,
    ]
    assert set(found) <= {place.path for place in places(circuit)}
