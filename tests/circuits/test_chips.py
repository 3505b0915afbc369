"""Virtual chips: the same numbers in model and netlist, conditions, spellings, Pelgrom's rule."""

import math

import numpy as np
import pytest
import torch

from circuits.data.circuit import Capacitor, CircuitError, Instance
from circuits.measures.area import area_of
from circuits.measures.bias import bias_table
from circuits.measures.chips import ChipError, Conditions, draw_chip, mismatch_of, pelgrom_mismatch
from circuits.networks.continuous import network_circuit
from circuits.realisations import realise
from circuits.technologies import TechnologyError, technology
from conductance.elements import tanh
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import mtc
from conductance.variation import Mismatch
from netlists.analyses import Tolerances, Transient
from netlists.simulation import simulate
from netlists.writing import write_netlist

GENERIC = technology("generic_180nm")
MISMATCH = Mismatch(current=0.05, offset=0.05, capacitor=0.02)
DT = 0.2
INPUTS = np.where(np.arange(200) < 100, 0.6, -0.2)[:, None]


def network():
    chain = Network(
        {
            "encoder": Projection(1, 2),
            "hidden": NeuronLayer(
                mtc((tanh("fast", -2.0), tanh("slow", 2.0)), filter_limit=1.0), 2, dt=DT, method="heun"
            ),
            "readout": Projection(2, 1),
        }
    )
    with torch.no_grad():
        chain.layers["encoder"].weight.copy_(torch.tensor([[1.0], [0.7]]))
        chain.layers["encoder"].bias.copy_(torch.tensor([-0.9, -0.6]))
        chain.layers["readout"].weight.copy_(torch.tensor([[1.0, -0.8]]))
    return chain


def output(net, level, chosen):
    """The network's output over time in ngspice, in units of the generic technology's own design."""
    scaling = GENERIC.scaling()
    built = network_circuit(net, INPUTS, dt=DT, scaling=scaling, levels=level, technology=chosen, edge=0.1)
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance,
        relative=1e-4,
    )  # fmt: skip
    stop = built.duration
    run = simulate(write_netlist(built.circuit, Transient(stop=stop, max_step=stop / 200), tolerances))
    found = run.require()
    voltage = found["voltage"].sel(node=built.outputs[0]).to_numpy() / scaling.voltage_unit
    return np.interp(np.linspace(0, stop, 400), found["time"].to_numpy(), voltage)


def test_instance_parameters_are_the_model_s():
    """What the netlist gives each neuron as parameters is what the torch model of the chip has."""
    chip = draw_chip(network(), MISMATCH, seed=3, technology=GENERIC)
    model = chip.model(network()).chain["hidden"].values()
    built = network_circuit(
        chip.circuit(network()),
        INPUTS,
        dt=DT,
        scaling=GENERIC.scaling(),
        levels="macromodel",
        technology=GENERIC,
    )
    instances = {d.name: d for d in built.circuit.devices if isinstance(d, Instance)}
    for index in range(2):
        given = instances[f"xhidden_{index}"].parameters
        assert len(given) > 8
        for name, column in model.items():
            if name.lower() in given:
                assert given[name.lower()] == pytest.approx(float(column[index]), rel=1e-6)


@pytest.mark.simulator
def test_temperature_is_the_same_in_model_and_amplifiers():
    """Pairs of another voltage unit at fixed references are the model in their own unit, as near as at 27 degrees.

    Untrimmed amplifiers differ from the equation by 20 % rms of the output's range at 27 and 95 degrees alike; the
    model of the nominal temperature is 55 % away.
    """
    hot = draw_chip(
        network(), Mismatch(), seed=0, technology=GENERIC, conditions=Conditions(temperature=95.0)
    )
    assert hot.voltage_ratio == pytest.approx(368.15 / 300.15)
    amplifiers = output(hot.circuit(network()), "macromodel", hot.technology)
    model = output(hot.model(network()), "behavioural", None)
    nominal = output(network(), "behavioural", None)
    rms = [np.sqrt(np.mean((amplifiers - other) ** 2)) / np.ptp(model) for other in (model, nominal)]
    cool = output(network(), "macromodel", GENERIC)
    at_home = np.sqrt(np.mean((cool - nominal) ** 2)) / np.ptp(nominal)
    assert rms[0] < 1.2 * at_home < 0.3 and rms[1] > 0.4


def capacitors(built):
    """Capacitances of a neuron's states in F."""
    numbers = {parameter.name: parameter.value for parameter in built.subcircuit.parameters}
    return [
        float(device.capacitance.subs({s: numbers[s.name] for s in device.capacitance.free_symbols}))
        for device in built.subcircuit.devices
        if isinstance(device, Capacitor)
    ]


def test_a_slow_corner_has_larger_capacitors():
    """Time constants of model and circuit grow with the corner's capacitors; the cards move, too."""
    slow = draw_chip(network(), Mismatch(), seed=0, technology=GENERIC, conditions=Conditions(corner="ss"))
    made = slow.model(network())
    for name in ("tau_m", "tau_s"):
        ratio = made.chain["hidden"].values()[name] / network().chain["hidden"].values()[name]
        # the leak's staggered pairs keep their law in volts, a filter's pair has the corner's V0
        expected = 1.1 if name == "tau_m" else 1.1 * slow.voltage_ratio
        torch.testing.assert_close(ratio, torch.full((2,), expected))
    layer = network().chain["hidden"]
    circuit = slow.circuit(network()).chain["hidden"]
    torch.testing.assert_close(circuit.values(), layer.values())
    # the corner of a technology is enough: `excitable simulate` has no chip
    for level in ("macromodel", "transistor"):
        drawn, grown = (
            realise(layer.neuron, level, technology=place) for place in (GENERIC, slow.technology)
        )
        for typical, larger in zip(capacitors(drawn), capacitors(grown), strict=True):
            assert larger == pytest.approx(1.1 * typical)
    for typical, moved in zip(GENERIC.model_cards(), slow.technology.model_cards(), strict=True):
        assert abs(moved.parameters["vth0"]) == pytest.approx(abs(typical.parameters["vth0"]) + 0.03)
        assert moved.parameters["u0"] < typical.parameters["u0"]


def test_conditions():
    """Supply and temperature reach the technology; a corner that it does not have is answered by those it has."""
    chosen = Conditions(temperature=-20.0, supply=1.6).technology(GENERIC)
    assert chosen.rails == (-0.8, 0.8) and chosen.temperature == -20.0
    assert chosen.amplifier.voltage_unit < GENERIC.amplifier.voltage_unit
    assert Conditions(temperature=85.0).technology(technology("ideal")).follower is None
    with pytest.raises(TechnologyError, match="no corner 'xx'; it has tt, ss, ff, sf, fs"):
        Conditions(corner="xx").technology(GENERIC)
    with pytest.raises(TechnologyError, match="supply = -1"):
        Conditions(supply=-1.0).technology(GENERIC)
    for temperature in (-300.0, 400.0, float("nan")):
        with pytest.raises(
            TechnologyError, match=rf"generic_180nm: temperature = {temperature}.*-100 to 200 deg"
        ):
            GENERIC.at(temperature=temperature)
    for supply in (0.5, 100.0):
        with pytest.raises(
            TechnologyError, match=rf"generic_180nm: supply = {supply:g} V must be above 0.659 V.*3.6"
        ):
            GENERIC.at(supply=supply)
    assert technology("ideal").at(supply=0.5).rails == (-0.25, 0.25)


def test_spelling_of_mismatch():
    """2 % / 1 mV are sigmas of currents and offsets, a third one of capacitors; nonsense is answered by examples."""
    scaling = GENERIC.scaling()
    found = mismatch_of("2 % / 1 mV", GENERIC, scaling)
    assert found.current == 0.02 and found.offset * scaling.voltage_unit == pytest.approx(1e-3)
    assert found.capacitor == 0
    assert mismatch_of("5%/2000uV/1.5%", GENERIC, scaling) == Mismatch(
        current=0.05, offset=round(2e-3 / scaling.voltage_unit, 12), capacitor=0.015
    )
    for text in ("2 / 1", "two percent", "-2 % / 1 mV", "2 % / 1 mA"):
        with pytest.raises(ChipError, match="as in '2 % / 1 mV'"):
            mismatch_of(text, GENERIC, scaling)


def test_pelgrom_falls_with_the_root_of_the_area():
    """Four times the area halves the sigmas; the rule of sizing decides them."""
    scaling = GENERIC.scaling()
    one = pelgrom_mismatch(GENERIC, scaling, 1e-9)
    sizing = GENERIC.sizing.model_copy(update={"offset_sigma": GENERIC.sizing.offset_sigma / 2})
    larger = GENERIC.model_copy(update={"sizing": sizing})
    four = pelgrom_mismatch(larger, scaling, 1e-9)
    assert four.current == pytest.approx(one.current / 2, rel=0.01)
    assert four.offset == pytest.approx(one.offset / 2, rel=0.01)
    threshold = GENERIC.sizing.offset_sigma / (GENERIC.nmos.slope_factor * GENERIC.thermal_voltage)
    factor = GENERIC.nmos.pelgrom_current / (GENERIC.nmos.pelgrom_threshold / GENERIC.sizing.offset_sigma)
    # the bias mirror has two n-channel transistors; of the two n- and four p-channel ones behind the pair half counts
    unit = GENERIC.thermal_voltage
    p_threshold = GENERIC.sizing.offset_sigma / (GENERIC.pmos.slope_factor * unit)
    p_factor = GENERIC.pmos.pelgrom_current / (GENERIC.pmos.pelgrom_threshold / GENERIC.sizing.offset_sigma)
    n_channel, p_channel = math.hypot(threshold, factor), math.hypot(p_threshold, p_factor)
    assert one.current == pytest.approx(math.hypot(math.sqrt(2.5) * n_channel, p_channel), rel=0.01)
    with pytest.raises(TechnologyError, match="no transistor level"):
        mismatch_of("pelgrom", technology("ideal"), scaling)


def test_currents_of_equal_gate_voltages_differ_by_both_terms_of_pelgroms_rule():
    """A factor as large as what the threshold gives, A_b = A_vt/(n U_T), makes the spread sqrt(2) times as large."""
    found = []
    for share in (0.0, 1.0):
        kinds = {
            polarity: kind.model_copy(
                update={
                    "pelgrom_current": share
                    * kind.pelgrom_threshold
                    / (kind.slope_factor * GENERIC.thermal_voltage)
                }
            )
            for polarity, kind in (("nmos", GENERIC.nmos), ("pmos", GENERIC.pmos))
        }
        found.append(pelgrom_mismatch(GENERIC.model_copy(update=kinds), GENERIC.scaling(), 1e-9))
    assert found[1].current == pytest.approx(math.sqrt(2) * found[0].current, rel=1e-12)


def test_area_adds_up():
    """Gates times the overhead, capacitance over density; a circuit without transistors has no area."""
    scaling = GENERIC.scaling()
    built = network_circuit(
        network(), INPUTS, dt=DT, scaling=scaling, levels="transistor", technology=GENERIC
    )
    found = area_of(built.circuit, GENERIC)
    rows = [row for row in bias_table(built.circuit) if row.kind == "Mosfet"]
    gates = sum(row.number * row.width * row.length for row in rows)
    assert max(row.number for row in rows) > 1
    assert found.transistors == pytest.approx(GENERIC.layout.overhead * gates)
    # two neurons, each a membrane of 1 pF and a slow filter of 20 pF
    assert found.capacitance == pytest.approx(2 * 21e-12, rel=1e-6)
    assert found.capacitors == pytest.approx(found.capacitance / 1e-3)
    plain = network_circuit(network(), INPUTS, dt=DT, scaling=scaling)
    with pytest.raises(CircuitError, match="no transistors, so it has no area"):
        area_of(plain.circuit, GENERIC)


def test_capacitors_of_a_quarter_differ_by_twice_as_much():
    """Pelgrom's sigma over the root of the area, C over the density."""
    found = [
        pelgrom_mismatch(GENERIC, GENERIC.scaling(capacitance=c), 1e-9).capacitor for c in (1e-12, 0.25e-12)
    ]
    area = 1e-12 / GENERIC.capacitor.density
    assert found[0] == pytest.approx(GENERIC.capacitor.pelgrom / math.sqrt(area), rel=1e-12)
    assert found[1] == pytest.approx(2 * found[0], rel=1e-12)
