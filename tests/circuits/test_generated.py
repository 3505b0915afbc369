"""A circuit with nothing ideal on the chip: every bias and reference is made by devices, and is what it was."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import sympy
import torch

from circuits.calibration.coded import coded_bench, fit_coded
from circuits.data.circuit import (
    BehaviouralCurrent,
    BehaviouralVoltage,
    Circuit,
    CircuitError,
    CurrentSource,
    Instance,
    Mosfet,
    Param,
    Pin,
    Resistor,
    Subcircuit,
    VoltageSource,
)
from circuits.measures.bias import bias_groups
from circuits.networks.continuous import network_circuit
from circuits.networks.generated import _string, generated, generated_values, ideal_parts, made_values
from circuits.networks.needs import drawn
from circuits.realisations.cells.cell import PINS, VDD, VSS, Trim
from circuits.realisations.cells.coded import CodedCells
from circuits.realisations.cells.generator import SINK, SOURCE, Setting, gate_cell
from circuits.realisations.cells.ota import Transistors, ten_transistor_ota
from circuits.realisations.filters import network_with_filter_current
from circuits.technologies import technology
from conductance.networks import RECIPES, coded, grouped, series_network
from conductance.neurons import mtc
from netlists.analyses import DCSweep, Tolerances
from netlists.simulation import simulate
from netlists.writing import write_netlist

GENERIC = technology("generic_180nm")
CELLS = CodedCells(place=Transistors(GENERIC, 1.5e-9))
CURRENT = 1e-9
TOLERANCES = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
RECIPE = replace(RECIPES["mtc"], neuron=mtc(filter_limit=1.0))


@pytest.mark.parametrize("share", [1e-3, 0.0139, 0.11, 0.5, 1.0, 1.37, 2.43, 15.0])
def test_a_setting_is_a_share_of_the_master_current(share):
    """Coarse and fine together are within 0.8 % down to a sixteenth of the master, and within a unit below."""
    setting = Setting.of(share)
    assert setting.code / setting.into == pytest.approx(share, rel=8e-3 if share > 1 / 16 else 0.08)
    assert 1 <= setting.code <= 127
    assert Setting.of(2 * share if share < 7 else share, gain=2.0 if share < 7 else 1.0) == setting
    for wrong in (0.0, -1.0, 16.0, float("nan")):
        with pytest.raises(CircuitError, match="cannot be made"):
            Setting.of(wrong)


def amplifiers(biases, reference):
    """Ten-transistor amplifiers against one reference, saturated to both sides, each into a source that meters it."""
    cell = ten_transistor_ota(GENERIC, 1.5e-9).subcircuit
    low, high = GENERIC.rails
    pins = {pin.name: pin.name for pin in PINS} | {"minus": "ref0"}
    own = {"ib": sympy.Symbol("ib", positive=True)}
    held = Subcircuit(
        name="held", pins=tuple(pin for pin in PINS if pin.name != "minus"), parameters=(Param(name="ib", value=1e-9),),
        devices=(
            Instance(name="x_a", subcircuit=cell.name, connections=pins, parameters=own),
            BehaviouralVoltage(name="b_ref0", positive="ref0", negative="0", voltage=reference),
        ),
    )  # fmt: skip
    sides = [(k, side) for k in range(len(biases)) for side in ("up", "down")]
    return Circuit(
        name="amplifiers", models=GENERIC.model_cards(), subcircuits=(cell, held), probes=("up",),
        metered=tuple(f"v_{side}{k}" for k, side in sides),
        devices=(
            VoltageSource(name="v_vdd", positive=VDD, negative="0", waveform=high),
            VoltageSource(name="v_vss", positive=VSS, negative="0", waveform=low),
            VoltageSource(name="v_up", positive="up", negative="0", waveform=reference + 0.3),
            VoltageSource(name="v_down", positive="down", negative="0", waveform=reference - 0.3),
            *(Instance(name=f"x{side}{k}", subcircuit="held", parameters={"ib": biases[k]},
                       connections={"plus": side, "out": f"{side}{k}", VDD: VDD, VSS: VSS}) for k, side in sides),
            *(VoltageSource(name=f"v_{side}{k}", positive=f"{side}{k}", negative="0", waveform=0.0)
              for k, side in sides),
        ),
    )  # fmt: skip


def solved(circuit):
    """The metered currents and the observed voltages of one DC solution."""
    high = GENERIC.rails[1]
    sweep = DCSweep(source="v_vdd", start=high, stop=high + 1e-6, step=1e-6)
    found = simulate(write_netlist(circuit, sweep, TOLERANCES)).require()
    return np.array([float(found["current"].sel(source=name)[0]) for name in circuit.metered]), found[
        "voltage"
    ]


def trims():
    bench = coded_bench(CELLS, GENERIC, CURRENT)
    return fit_coded(dict(zip(bench.metered, solved(bench)[0], strict=True)), CURRENT).trims


@pytest.mark.simulator
def test_generated_biases_and_references_do_what_ideal_ones_did():
    """Amplifiers of three biases saturate at the same currents to both sides, 3 %, and the taps are the references."""
    circuit = amplifiers([1.5e-9, 0.4e-9, 0.05e-9], -0.04)
    given = generated(circuit, cells=CELLS, trims=trims(), current_unit=CURRENT, supply=1.8)
    assert ideal_parts(circuit, set()) and not ideal_parts(given, set())
    assert generated_values(given) == {SINK: 3, SOURCE: 0, "reference": 1}
    taps = replace(given, probes=("up", "reference_1"))
    wanted, (found, voltages) = solved(circuit)[0], solved(taps)
    assert found == pytest.approx(wanted, rel=0.03)
    assert float(voltages.sel(node="reference_1")[0]) == pytest.approx(-0.04, abs=1e-4)


def chip(
    bits=6, recipe=RECIPE, ideal="none", level="transistor", hidden=3, share=None, values=(5, 4), trims=None
):
    network = series_network(
        recipe, inputs=1, hidden=hidden, outputs=1, dt=0.2, low_pass_tau=2.0,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    network = grouped(coded(network, bits), currents=values[0], references=values[1])
    network = network if share is None else network_with_filter_current(network, share)
    inputs = np.linspace(-1, 1, 20)[:, None]
    return network, network_circuit(
        network,
        inputs,
        dt=0.2,
        scaling=GENERIC.scaling(),
        levels=level,
        technology=GENERIC,
        ideal=ideal,
        trims=trims,
    ).circuit


def test_nothing_ideal_is_left_on_the_chip():
    """A network of transistors has ideal parts, and none with generators; equal values meet at one node."""
    outside = {"low_pass"}
    network, plain = chip(ideal="some")
    _, made = chip()
    assert len(ideal_parts(plain, outside)) > 15 and ideal_parts(made, outside) == []
    placed = {d.name: d for d in made.devices if isinstance(d, Instance)}
    gains = network.chain["hidden"].values()["alpha_s_plus"].tolist()
    nodes = [placed[f"xhidden_{k}"].connections["x_um_s_plus_bias"] for k in range(3)]
    for k, node in enumerate(nodes):
        converter = placed[f"x_{node}_current"]
        into = int(converter.connections["gate"].rpartition("_")[2])
        assert converter.code / into == pytest.approx(gains[k], rel=0.01)
    assert [a == b for a, b in pairwise(gains)] == [a == b for a, b in pairwise(nodes)]
    assert sum(generated_values(made).values()) <= 40
    off = [d for d in made.devices if isinstance(d, CurrentSource)]
    assert off and all("off the chip" in d.note for d in off)


def test_sixty_four_neurons_need_sixty_four_values():
    """A network of the demo's size, trimmed as calibration trims it, has no ideal part and at most 64 values."""
    measured = {
        "ota10": Trim(gain=1.0437, offset=0.33e-3, imbalance=-0.0139),
        "ota5": Trim(gain=1.021, offset=-0.5e-3, imbalance=0.0087),
        "output_stage": Trim(gain=1.05, offset=1e-3),
        "leak": Trim(gain=1.01, offset=2e-3),
    }
    _, made = chip(hidden=64, values=(18, 14), trims=measured)
    found = generated_values(made)
    assert ideal_parts(made, {"low_pass"}) == [] and sum(found.values()) <= 64 and min(found.values()) > 0


def test_a_filter_of_its_own_size_has_a_diode_of_its_size():
    """Slow filters at a twentieth of I0 have tails of their own; the diode that their gate comes from is as wide."""
    _, made = chip(share=0.05)
    placed = {d.name: d for d in made.devices if isinstance(d, Instance)}
    width = lambda cell, name: {d.name: d for d in made.subcircuit(cell).devices}[name].width  # noqa: E731
    node = placed["xhidden_1"].connections["x_us_filter_bias"]
    tail, diode = width("ota5_filter", "m_tail"), width(placed[f"x_{node}"].subcircuit, "m_in")
    assert diode == tail
    narrow = gate_cell(CELLS.place, SINK, 1e-6)
    assert narrow.devices[0].width == 1e-6 and narrow.name != gate_cell(CELLS.place, SINK).name
    converter = placed[f"x_{node}_current"]
    into = int(converter.connections["gate"].rpartition("_")[2])
    assert converter.code / into == pytest.approx(0.05, rel=0.02)


def test_the_string_divides_the_supply():
    """Its resistors add up from rail to rail, one more than there are references."""
    _, made = chip()
    string = [d for d in made.devices if isinstance(d, Resistor)]
    assert len(string) == generated_values(made)["reference"] + 1
    assert sum(d.resistance for d in string) * 100e-9 == pytest.approx(1.8)
    assert string[0].negative == VSS and string[-1].positive == VDD
    assert all(a.positive == b.negative for a, b in pairwise(string))


def test_what_a_generator_makes_badly_is_said_and_what_it_cannot_is_refused():
    """A ten-thousandth of the master is made as a thousandth; a reference beyond the rails is no tap of a string."""
    with pytest.warns(UserWarning, match="made as 1/1024"):
        Setting.of(1e-4)
    with pytest.raises(CircuitError, match=r"reference of 1\.2 V lies beyond the supplies"):
        list(_string({1.2: "ref"}, 1.8))


def test_what_keeps_something_ideal_is_refused():
    """Weights without codes, a filter that is linear, a level without transistors: each in a sentence with its cure."""
    with pytest.raises(CircuitError, match=r"is ideal, and ideal = 'none' is asked for: .*network\.bits"):
        chip(bits=None)
    with pytest.raises(CircuitError, match=r"filters? (a|need a) filter_limit|filters a filter_limit"):
        chip(recipe=RECIPES["mtc"])
    with pytest.raises(CircuitError, match="set level = 'transistor'"):
        chip(level="macromodel")


@pytest.mark.parametrize(
    ("into", "out_of", "way"),
    [(3e-9, 1e-9, SOURCE), (1e-9, 3e-9, SINK), (2e-9, 0.0, SOURCE), (0.0, 2e-9, SINK)],
)
def test_currents_of_a_node_become_one_by_their_directions(into, out_of, way):
    """What flows in less what flows out comes from one transistor: a p-channel one if it is positive."""
    part = Subcircuit(
        name="part", pins=(*(Pin(name=name) for name in ("a", "vdd", "vss")),),
        devices=(
            BehaviouralCurrent(name="b_in", source="vdd", sink="a", current=into),
            BehaviouralCurrent(name="b_out", source="a", sink="vss", current=out_of),
        ),
    )  # fmt: skip
    found = drawn(part, {}, CELLS.place, output=True)
    (need,) = found.needs.values()
    (device,) = found.subcircuit.devices
    assert (need.way, float(need.value)) == (way, pytest.approx(2e-9))
    assert (device.drain, device.source) == ("a", VDD if way == SOURCE else VSS)
    assert device.model == (GENERIC.pmos if way == SOURCE else GENERIC.nmos).model


def test_an_ideal_bias_is_a_diode_or_a_transistor():
    """The amplifier's own diode leaves with its source, and the output's voltage, which nothing reads, too."""
    _, made = chip()
    cell, neuron = made.subcircuit("ota10"), made.subcircuit("mtc")
    assert (
        sum(isinstance(d, Mosfet) for d in cell.devices) == 9
        and Pin(name="bias", meaning="sink of a bias generator") in cell.pins
    )
    assert not any(d.name in ("r_out", "m_out") for d in neuron.devices)
    assert {p.name for p in neuron.parameters}.isdisjoint({"alpha_s_plus", "delta_s_plus"})


def test_the_table_of_values_has_what_generators_make():
    """Every current and reference that a generator makes, as its codes and the string say, and the master beside."""
    _, made = chip()
    groups = {(group.unit, group.value): group.number for group in bias_groups(made)}
    values = made_values(made)
    assert len(values) == sum(generated_values(made).values())
    assert {one.unit for one in values} == {"A", "V"} and all(one.number > 0 for one in values)
    assert set(groups) >= {(one.unit, float(f"{one.value:.6g}")) for one in values}
    references = [one for one in values if one.unit == "V"]
    string = [float(d.resistance) for d in made.devices if isinstance(d, Resistor)]
    assert references[0].value == pytest.approx(-0.9 + 100e-9 * string[0])
    assert made_values(chip(ideal="some")[1]) == []
