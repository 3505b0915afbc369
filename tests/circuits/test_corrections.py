"""What calibration and corners put into a circuit, each against the sum of what its parts do by their own laws."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
import torch

from circuits.calibration.amplifiers import Calibration, fit_tanh, trimmed
from circuits.calibration.laws import with_circuit_laws
from circuits.calibration.membrane import RAMP, MembraneFit, frozen, with_capacitance
from circuits.calibration.output import OutputFit
from circuits.data.circuit import (
    GROUND,
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    CurrentSource,
    Instance,
    Mosfet,
    Switch,
)
from circuits.data.clock import Clock
from circuits.data.scaling import Scaling
from circuits.measures.chips import pelgrom_mismatch
from circuits.networks.continuous import network_circuit
from circuits.realisations import Trim, realise
from circuits.realisations.cells.parasitics import loaded
from circuits.realisations.cells.synapse import macromodel_synapses
from circuits.realisations.kit import kit
from circuits.realisations.parts.base import References
from circuits.realisations.parts.comparator_reset import GAIN
from circuits.realisations.parts.leak import LEAK
from circuits.realisations.parts.multi_tanh import multi_tanh
from circuits.realisations.parts.transconductor import transconductor
from circuits.technologies import technology
from conductance.elements import quadratic, tanh
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import mtc, qif
from conductance.shaping.curves import steady_curve

GENERIC = technology("generic_180nm")
UNITS = GENERIC.scaling()
TRIM = Trim(gain=1.04, offset=3e-3, imbalance=0.02)


def numbers(subcircuit) -> dict:
    """The values of a subcircuit's parameters, by the symbols of its expressions."""
    return {parameter.name: float(parameter.value) for parameter in subcircuit.parameters}


def value(expression, subcircuit) -> float:
    """An expression of a subcircuit's parameters, as a number."""
    known = numbers(subcircuit)
    expression = sympy.sympify(expression)
    return float(expression.subs({symbol: known[symbol.name] for symbol in expression.free_symbols}))


@pytest.mark.parametrize("width", [1.0, 3.5])
def test_the_balance_draws_what_the_mirrors_of_all_pairs_add(width):
    """A pair gives gain b e at its balance; a source takes the sum over the pairs out of the node that they feed."""
    cell = kit("macromodel", GENERIC, bias=1e-9).element
    devices = list(
        transconductor(
            "x_one", cell, plus="u", minus=sympy.Float(0.0), out="u", slope=sympy.Float(2e-9), width=width,
            references=References(), trim=TRIM, unit=sympy.Float(UNITS.voltage_unit),
        )
    )  # fmt: skip
    pairs = [device for device in devices if isinstance(device, Instance)]
    (balance,) = [device for device in devices if isinstance(device, BehaviouralCurrent)]
    assert len(pairs) == len(multi_tanh(width).weights)
    added = sum(TRIM.gain * float(pair.parameters["ib"]) * TRIM.imbalance for pair in pairs)
    assert added > 0 and (balance.source, balance.sink) == ("u", GROUND)
    assert float(balance.current) == pytest.approx(added, rel=1e-12)


def test_the_output_pair_reaches_both_ends_of_the_line():
    """At the upper threshold the pair and the half together carry I0, at the lower one nothing."""
    neuron = mtc([tanh("fast", -2.0)], filter_limit=1.0).with_values(U_th=0.2, U_sat=1.5)
    built = realise(neuron, "macromodel", technology=GENERIC, scaling=UNITS).subcircuit
    (pair,) = [d for d in built.devices if isinstance(d, Instance) and d.name == "x_out"]
    (half,) = [d for d in built.devices if d.name == "b_out_half"]
    bias, constant = value(pair.parameters["ib"], built), value(half.current, built)
    reach = np.tanh((1.5 - 0.2) / 2)
    assert constant + bias * reach == pytest.approx(UNITS.current_unit, rel=1e-9)
    assert constant - bias * reach == pytest.approx(0.0, abs=1e-9 * UNITS.current_unit)


def references(neuron, trims, reader: str) -> list[float]:
    """The reference voltages in V of the currents of one element, in their order."""
    built = realise(neuron, "macromodel", technology=GENERIC, scaling=UNITS, trims=trims).subcircuit
    held = [d for d in built.devices if isinstance(d, BehaviouralVoltage) and d.name.startswith("b_ref")]
    return [value(device.voltage, built) for device in held if f"x_um_{reader}" in device.note]


@pytest.mark.parametrize(
    ("element", "pairs"),
    [(tanh("slow", 1.5, -0.4), 1), (tanh("slow", -1.5, -0.4), 1), (quadratic("slow", 0.2), 5)],
    ids=["positive", "negative", "staggered"],
)
def test_references_of_what_reads_a_filter_move_with_it(element, pairs):
    """The filter settles its offset below the membrane, so every reference of what reads it lies as much lower."""
    offset, fast = 2.5e-3, tanh("fast", -1.0, 0.3)
    neuron = mtc([element, fast], filter_limit=1.0)
    follower = kit("macromodel", GENERIC, bias=1e-9).follower.subcircuit.name
    trims = {follower: Trim(offset=offset)}
    as_drawn, moved = (references(neuron, each, neuron.elements[0].name) for each in ({}, trims))
    assert len(as_drawn) == len(moved) >= pairs
    np.testing.assert_allclose(np.subtract(as_drawn, moved), offset, atol=1e-12)
    still, there = (references(neuron, each, neuron.elements[1].name) for each in ({}, trims))
    assert still == there and len(still) == 1


@pytest.mark.parametrize("corner", ["tt", "ss", "ff"])
def test_a_membrane_is_drawn_smaller_by_its_gates_at_every_corner(corner):
    """With the gates found, capacitor and gates together are the declared one times the corner's factor."""
    neuron, gates = mtc([tanh("fast", -2.0)], filter_limit=1.0), 0.2 * UNITS.capacitance
    chosen = GENERIC.at(corner=corner)
    built = realise(
        neuron, "macromodel", technology=chosen, scaling=UNITS, trims={LEAK: Trim(capacitance=gates)}
    )
    factor = chosen.corner_shift.capacitance
    (membrane,) = [d for d in built.subcircuit.devices if isinstance(d, Capacitor) and d.name == "c_um"]
    drawn = value(membrane.capacitance, built.subcircuit)
    assert drawn / UNITS.capacitance == pytest.approx(0.8 * factor)
    assert built.capacitance == factor and (factor == 1) == (corner == "tt")


@pytest.mark.parametrize("corner", [1.0, 1.1, 0.9])
def test_gates_are_what_a_ramp_finds_beyond_the_capacitor_of_the_corner(corner):
    """Ramps of a membrane of 1.1 declared capacitors and 0.2 more find 0.2 at that corner, not 0.3."""
    neuron, gates = mtc([tanh("fast", -2.0)], filter_limit=1.0), 0.2 * UNITS.capacitance
    edge = RAMP * UNITS.time_unit
    time = np.linspace(0, 4 * edge, 4001)
    unit = UNITS.voltage_unit
    membrane = np.interp(time, [0, edge, 2 * edge, 2.5 * edge, 3.5 * edge], [-unit, -unit, unit, unit, -unit])
    rate = np.gradient(membrane, time)
    total = corner * UNITS.capacitance + gates
    # what leaks flows alike on the way up and down, and cancels
    drive = membrane + 1e-3 * (total * rate / UNITS.current_unit + 0.3)
    fit = MembraneFit(gain=1.0, offset=0.0, residual=0.0, capacitance=0.0)
    found = with_capacitance(fit, time, drive, membrane, neuron=frozen(neuron), scaling=UNITS, corner=corner)
    assert found.capacitance / gates == pytest.approx(1.0, rel=0.02)


def test_a_macromodel_synapse_carries_its_weight_midway_between_the_rails():
    """At the middle of the supply, Early effect and headroom leave the current as asked: weight times the output."""
    model = replace(GENERIC.amplifier, early_voltage=5.0)
    made = macromodel_synapses(model, UNITS, supply=1.8, thermal_voltage=GENERIC.thermal_voltage)
    for weight in (0.4, -0.4):
        (source,) = made.kind(weight).subcircuit.devices
        held = {"weight": 0.4, "axon": UNITS.voltage_unit}
        given = {
            atom: next((number for name, number in held.items() if name in str(atom)), 0.9)
            for atom in source.current.free_symbols
        }
        assert float(source.current.subs(given)) == pytest.approx(0.4 * UNITS.current_unit, rel=1e-6)


def test_the_offset_of_an_n_channel_pair_knows_nothing_of_p_channel_slopes():
    """Where p-channels do not differ, the pair's offset is n U_T of n-channels times their scatter."""
    exact = GENERIC.pmos.model_copy(update={"pelgrom_threshold": 0.0, "pelgrom_current": 0.0})
    plain = GENERIC.model_copy(update={"pmos": exact})
    steep = GENERIC.model_copy(
        update={"pmos": exact.model_copy(update={"slope_factor": 2 * exact.slope_factor})}
    )
    first, second = (pelgrom_mismatch(each, UNITS, 1e-9) for each in (plain, steep))
    assert first.offset == second.offset > 0 and first.current == second.current
    # both transistors of the pair and of the lower mirror scatter alike: four variances, of which each is of one gate
    kind = GENERIC.nmos
    slope = kind.slope_factor * GENERIC.thermal_voltage
    area = GENERIC.width("nmos", 1e-9) * kind.length
    scatter = np.sqrt(((kind.pelgrom_threshold / slope) ** 2 + kind.pelgrom_current**2) / area)
    assert first.offset * UNITS.voltage_unit == pytest.approx(slope * 2 * scatter, rel=1e-12)


VOLTAGES = np.linspace(-0.35, 0.35, 141)


def test_trimmed_sweeps_are_balanced():
    """What a fit found is out of the sweep once it is put right: gain 1, offset 0, nothing at balance."""
    law = 1.05 * (np.tanh((VOLTAGES - 4e-3) / UNITS.voltage_unit) + 0.03)
    found = fit_tanh(VOLTAGES, 1e-9 * law, bias=1e-9)
    rest = trimmed(found, found.trim())
    again = fit_tanh(rest.voltages, rest.currents, bias=1e-9)
    for each in (rest, again):
        assert (each.gain, each.offset, each.imbalance) == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)
    np.testing.assert_allclose(
        rest.currents, 1e-9 * np.tanh(np.array(rest.voltages) / UNITS.voltage_unit), atol=1e-15
    )


def swept(bias: float, bend: float) -> Calibration:
    """A sweep that no tanh follows, by its bend."""
    curve = np.tanh(VOLTAGES / UNITS.voltage_unit)
    return Calibration(
        cell="ota", bias=bias, gain=1.0, voltage_unit=UNITS.voltage_unit, offset=0.0, residual=0.1,
        voltages=tuple(VOLTAGES), currents=tuple(bias * curve * (1 - bend * (1 - curve**2))),
    )  # fmt: skip


@pytest.mark.parametrize(("gain", "bend"), [(1.0, 0.1), (4.0, 0.5)])
def test_an_element_gets_the_sweep_nearest_in_bias(gain, bend):
    """Of sweeps at 1 and 4 current units, an element of either gain gets its own one's law, in either order."""
    neuron = mtc([tanh("fast", -gain)], filter_limit=1.0)
    chain = Network({"hidden": NeuronLayer(neuron, 3, dt=0.2)})
    curve = np.tanh(VOLTAGES / UNITS.voltage_unit)
    wanted = curve * (1 - bend * (1 - curve**2))
    sweeps = [swept(UNITS.current_unit, 0.1), swept(4 * UNITS.current_unit, 0.5)]
    for order in (sweeps, sweeps[::-1]):
        after, (law,) = with_circuit_laws(chain, order, {}, UNITS)
        assert law.tabulated == (neuron.elements[0].name,)
        at = 0.4
        leak = 5.0 * np.tanh(at / 5.0)
        drawn = steady_curve(after.chain["hidden"].neuron).function()(np.array([at]))
        law_at = np.interp(at * UNITS.voltage_unit, VOLTAGES, wanted)
        assert leak - float(drawn[0]) == pytest.approx(gain * law_at, rel=0.03)


def test_a_drawn_transistor_has_the_junctions_of_its_outline():
    """Area width times reach, perimeter twice the sum of both; without a reach there are none."""
    made = Mosfet(
        name="m_one",
        drain="d",
        gate="g",
        source="s",
        bulk="b",
        model="n",
        width=2e-6,
        length=1e-6,
        diffusion=0.5e-6,
    )
    sizes = made.junction_sizes
    assert [1e12 * float(sizes[name]) for name in ("ad", "as")] == pytest.approx([1.0, 1.0], rel=1e-12)
    assert [float(sizes[name]) for name in ("pd", "ps")] == pytest.approx([5e-6, 5e-6], rel=1e-12)
    assert not replace(made, diffusion=None).junction_sizes


def test_a_switch_closes_and_opens_where_it_says():
    """ngspice's switch closes at vt + vh and opens at vt - vh; the card of ours says on_above and off_below by them."""
    import re

    from netlists.ngspice.passes.elements import card

    made = Switch(
        name="s_reset", positive="a", negative="0", sense_positive="b", sense_negative="0", on_above=0.9, off_below=0.1,
        on_resistance=1e3, off_resistance=1e12,
    )  # fmt: skip
    found = {name: float(number) for name, number in re.findall(r"(vt|vh)=([-+.\de]+)", card(made, {}))}
    assert found["vt"] + found["vh"] == pytest.approx(0.9)
    assert found["vt"] - found["vh"] == pytest.approx(0.1)


def test_the_cards_of_a_transistor_say_area_and_perimeter():
    """`ad` and `as` are areas, `pd` and `ps` perimeters."""
    import re

    from netlists.ngspice.passes.elements import card

    made = Mosfet(
        name="m_one",
        drain="d",
        gate="g",
        source="s",
        bulk="b",
        model="n",
        width=2e-6,
        length=1e-6,
        diffusion=0.5e-6,
    )
    found = dict(re.findall(r"\b(ad|as|pd|ps)=([-+.\de]+)", card(made, {})))
    assert {name: float(number) for name, number in found.items()} == pytest.approx(
        {"ad": 1e-12, "as": 1e-12, "pd": 5e-6, "ps": 5e-6}
    )


@pytest.mark.simulator
def test_what_gates_load_is_found_at_a_corner_as_at_the_typical_one():
    """Ramps in ngspice: capacitors of the corner are 10 % larger, gates are not; without it, 0.1 C0 more is found."""
    from excitable.ladder.calibration import ramp_membrane, sweep_membrane

    neuron = mtc([tanh("fast", -2.0)], filter_limit=1.0, leak_limit=5.0)
    found = {}
    for corner in ("tt", "ss"):
        chosen = GENERIC.at(corner=corner)
        units = chosen.scaling()
        built = realise(neuron, "macromodel", technology=chosen, scaling=units)
        still = frozen(neuron)
        slow = realise(still, "macromodel", technology=chosen, scaling=units)
        fit = ramp_membrane(sweep_membrane(neuron, built, units), still, slow, units)
        found[corner] = fit.capacitance / units.capacitance
    assert found["ss"] == pytest.approx(found["tt"], abs=0.02)


def test_units_are_those_of_one_membrane():
    """In one tau_m the current unit charges C by one voltage unit, and weight one turns that into one current unit."""
    units = Scaling(voltage_unit=70e-3, current_unit=2e-9, capacitance=3e-12)
    assert units.time_unit * units.current_unit == pytest.approx(units.capacitance * units.voltage_unit)
    assert units.conductance_unit * units.voltage_unit == pytest.approx(units.current_unit)


def test_a_phase_of_a_clock_lasts_as_many_time_constants_as_it_says():
    """From its first edge up to its first edge down, in tau_m; both phases within a period, apart from one another."""
    clock = Clock(scaling=UNITS, settling=7.0)
    for phase in ("sample", "hold"):
        made = clock.waveform(phase, first=0, periods=1)
        begin, end = made.times[1:3]
        assert (end - begin) / UNITS.time_unit == pytest.approx(7.0)
        assert made.values[1:3] == (1.0, 0.0)
    assert clock.rate * clock.period == pytest.approx(1.0)


def test_parasitics_are_the_gates_and_drains_of_the_amplifier():
    """Input: one n-channel gate. Output: a drain of either polarity. Mirror: two p-channel gates and both drains."""
    other = {"gate_capacitance": 3 * GENERIC.pmos.gate_capacitance, "drain_capacitance": 5e-10}
    uneven = GENERIC.model_copy(update={"pmos": GENERIC.pmos.model_copy(update=other)})
    bias, kinds = 2e-9, {"nmos": uneven.nmos, "pmos": uneven.pmos}
    gate = {
        name: kind.gate_capacitance * uneven.width(name, bias) * kind.length for name, kind in kinds.items()
    }
    drain = {name: kind.drain_capacitance * uneven.width(name, bias) for name, kind in kinds.items()}
    own = replace(
        GENERIC.amplifier, input_capacitance=1e-15, output_capacitance=2e-15, mirror_capacitance=3e-15
    )
    found = loaded(own, uneven, bias)
    drains = drain["nmos"] + drain["pmos"]
    measured = np.array([found.input_capacitance, found.output_capacitance, found.mirror_capacitance])
    wanted = np.array([1e-15 + gate["nmos"], 2e-15 + drains, 3e-15 + 2 * gate["pmos"] + drains])
    np.testing.assert_allclose(measured, wanted, rtol=1e-12)


def test_a_filter_has_the_time_constant_that_is_declared():
    """C_x V0/I_b is tau_s, and longer by the gain that the bias current is divided by."""
    neuron = mtc([tanh("slow", 1.5, -0.4)], filter_limit=1.0)
    follower = kit("macromodel", GENERIC, bias=1e-9).follower.subcircuit.name
    for gain in (1.0, 1.25):
        built = realise(
            neuron, "macromodel", technology=GENERIC, scaling=UNITS, trims={follower: Trim(gain=gain)}
        ).subcircuit
        tau = value(built.timescales["us"], built) / UNITS.time_unit
        assert tau == pytest.approx(gain * neuron.defaults["tau_s"])


@pytest.mark.parametrize("weight", [0.7, -0.7])
def test_what_calibration_finds_of_a_synapse_is_undone_in_a_network(weight):
    """Its weight is divided by the gain, and what it passes at rest, in I0 at weight one, is drawn from the neuron."""
    neuron = mtc([tanh("fast", -2.0)], filter_limit=1.0)
    chain = Network(
        {
            "encoder": Projection(1, 1),
            "first": NeuronLayer(neuron, 1, dt=0.2),
            "between": Projection(1, 1),
            "second": NeuronLayer(neuron, 1, dt=0.2),
        }
    )
    with torch.no_grad():
        chain.chain["between"].weight.fill_(weight)
        chain.chain["between"].bias.fill_(0.3)
    fit = OutputFit(
        gain=1.0,
        offset=0.0,
        residual=0.0,
        excitatory=1.25,
        inhibitory=0.8,
        excitatory_floor=0.05,
        inhibitory_floor=0.04,
    )
    built = network_circuit(
        chain,
        np.zeros((3, 1)),
        dt=0.2,
        scaling=UNITS,
        levels="macromodel",
        technology=GENERIC,
        trims=fit.trims,
    ).circuit
    gain, floor = (1.25, 0.05) if weight > 0 else (0.8, 0.04)
    (synapse,) = [d for d in built.devices if isinstance(d, Instance) and "synapse" in d.subcircuit]
    assert float(synapse.parameters["weight"]) == pytest.approx(abs(weight) / gain)
    (bias,) = [d for d in built.devices if isinstance(d, CurrentSource) and d.name.startswith("i_second")]
    # what is placed passes weight/gain of the floor, which was measured at weight one
    assert float(bias.waveform) / UNITS.current_unit == pytest.approx(0.3 - weight * floor / gain)


def test_a_comparator_trips_at_the_threshold():
    """Along its own characteristic the membrane is highest, and the comparator lets go, within 1e-3 V0 of V_p."""
    neuron = qif(V_peak=4.0)
    built = realise(neuron, "macromodel", technology=GENERIC, scaling=UNITS).subcircuit
    (level,) = [d for d in built.devices if d.name == "b_level"]
    known = {symbol: number for symbol, number in numbers(built).items()}
    (compared,) = [s for s in level.voltage.free_symbols if s.name not in known]
    held = level.voltage.subs({s: known[s.name] for s in level.voltage.free_symbols if s.name in known})
    unit = UNITS.voltage_unit
    outputs = np.linspace(0.0, 1.0, 4001) * unit
    reference = np.array([float(held.subs(compared, output)) for output in outputs[::20]])
    # in equilibrium the output is the gain times the distance of the membrane from the reference
    membrane = reference + outputs[::20] / GAIN
    assert membrane.max() / unit == pytest.approx(4.0, abs=1e-3)


def test_a_tolerance_shrinks_with_the_numbers():
    """Half a picofarad is not a whole one; zero keeps pytest's tolerance."""
    assert pytest.approx(1e-12) != 0.5e-12
    assert pytest.approx(0.0) == 1e-13
    assert pytest.approx([1e-15, 1e-22]) == [1e-15, 0.0]


def test_sizes_are_drawn_at_the_nearest_step_of_the_grid():
    """Up as well as down, and never at nothing."""
    step = GENERIC.sizing.grid
    for steps, drawn in ((3.6, 4), (3.4, 3), (0.2, 1)):
        assert GENERIC.on_grid(steps * step) / step == pytest.approx(drawn)


def test_a_slow_corner_raises_the_size_of_both_thresholds():
    """An n-channel threshold is positive and rises, a p-channel one is negative and falls."""
    nominal, slow = GENERIC.model_cards(), GENERIC.at(corner="ss").model_cards()
    for before, after in zip(nominal, slow, strict=True):
        assert abs(after.parameters["vth0"]) - abs(before.parameters["vth0"]) == pytest.approx(
            0.03, abs=0.0295
        )
        assert after.parameters["vth0"] * before.parameters["vth0"] > 0


def test_the_scatter_of_a_capacitor_goes_with_one_over_the_root_of_its_area():
    """A_C over the root of C over the density; four times the capacitor scatters half as much."""
    wide = replace(UNITS, capacitance=4 * UNITS.capacitance)
    small, large = (pelgrom_mismatch(GENERIC, each, 1e-9).capacitor for each in (UNITS, wide))
    area = UNITS.capacitance / GENERIC.capacitor.density
    assert small == pytest.approx(GENERIC.capacitor.pelgrom / np.sqrt(area))
    assert large == pytest.approx(small / 2)
