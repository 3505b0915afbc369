"""What operating points and loop gains say: saturation, inversion, phase margin, and the verdict on them."""

import re
from dataclasses import replace

import numpy as np
import pytest

from circuits.calibration.working import NotWorking
from circuits.data.circuit import CircuitError, Mosfet
from circuits.headroom.bench import headroom_bench
from circuits.headroom.points import Observed, Point, observed, points, renamed, saturation_voltage, worst_of
from circuits.headroom.stability import Loaded, Stability, least_stable, loaded, phase_margin, stability
from circuits.headroom.verdict import judged
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.elements import tanh
from conductance.neurons import mtc

GENERIC = technology("generic_180nm")
UNIT = GENERIC.scaling().voltage_unit
NEURON = mtc([tanh("fast", -2.0), tanh("slow", 2.0)], filter_limit=1.0)
ONE = Observed(
    path="xn.x_leak.m_tail", part="leak", device="m_tail", role="tail current", polarity="nmos", ratio=2.0,
    saturates=True,
)  # fmt: skip
OUTPUT = replace(ONE, path="xn.m_net", part="output", device="m_net")
NAMES = ("id", "vgs", "vds")


def looked(quantities, transistors=(ONE,), resting=0, **changes):
    values = np.asarray(quantities, float).reshape(-1, len(transistors), 3)
    membrane = np.linspace(-0.1, 0.1, len(values))
    return points(
        transistors, values, NAMES, membrane=membrane, resting=resting, technology=changes.get("made_of", GENERIC),
        unit=1e-9,
    )  # fmt: skip


def test_saturation_begins_at_four_thermal_voltages_and_rises_with_the_root_of_inversion():
    """4 U_T in weak inversion; far above, 2 sqrt(IC) U_T and 3 more, as Enz and Vittoz have it."""
    assert saturation_voltage(0.0, 0.025) == pytest.approx(0.1)
    assert saturation_voltage(0.75, 1.0) == pytest.approx(5.0)
    assert saturation_voltage(1e6, 1.0) == pytest.approx(2e3 + 3, rel=1e-6)


def test_a_margin_is_what_the_drain_has_beyond_saturation():
    """A nanoampere at an inversion of 1e-9/(specific current W/L); the least margin is the point's, and where."""
    thermal, specific = GENERIC.thermal_voltage, GENERIC.nmos.specific_current
    (found,) = looked([[1e-9, 0.3, 10 * thermal], [0.5e-9, 0.2, 5 * thermal]])
    assert found.inversion == pytest.approx(1e-9 / (2 * specific))
    assert found.margin == pytest.approx(5 - float(saturation_voltage(0.5e-9 / (2 * specific), 1.0)))
    assert found.where == pytest.approx(0.1) and found.drain == pytest.approx(5 * thermal)
    assert found.resting == pytest.approx(10 - float(saturation_voltage(found.inversion, 1.0)))
    assert found.gate == pytest.approx(0.3)


def test_who_does_not_conduct_is_not_judged():
    """An arm that is switched off has no drain voltage that counts, and one that never conducts is off."""
    (found,) = looked([[1e-9, 0.3, 0.5], [1e-11, 0.1, 0.0]])
    assert found.margin > 10
    assert looked([[1e-13, 0.3, 0.0], [1e-13, 0.1, 0.0]])[0].current == 0
    assert looked([[1e-9, 0.3, 0.5], [1e-11, 0.1, 0.0]], resting=1)[0].resting is None


def test_an_output_counts_while_it_gives_a_current():
    """Its pair has nowhere to send its current below the threshold: there its drains may be at the rail."""
    pair = replace(ONE, part="output", device="m_sink", path="xn.x_out.m_sink")
    off, on = [[1e-9, 0.3, 0.0], [1e-14, 0.1, 0.3]], [[1e-9, 0.3, 0.4], [1e-9, 0.3, 0.3]]
    found = looked([off, on], (pair, OUTPUT))
    assert found[0].margin == pytest.approx(0.4 / GENERIC.thermal_voltage - 4, abs=0.1)
    assert looked([off[0], on[0]], (replace(pair, part="leak"),))[0].margin < -3


def test_every_transistor_of_a_neuron_is_observed_with_its_part():
    """As many as there are in its cells; switches and limiters are not asked to be saturated."""
    built = realise(NEURON, "transistor", technology=GENERIC)
    bench = headroom_bench(NEURON, built, GENERIC.scaling())
    found = observed(bench)
    assert bench.inspected == tuple(one.path for one in found) and len(set(bench.inspected)) == len(found)
    assert {one.part for one in found} >= {"um_leak", "output", "x_excitatory", "x_inhibitory"}
    assert [one.device for one in found if not one.saturates] == ["m_allow"]
    kinds = {one.device: one.polarity for one in found}
    assert (kinds["m_tail"], kinds["m_left"]) == ("nmos", "pmos")
    with pytest.raises(CircuitError, match=r"operating point of xn\.nobody .* no transistor"):
        replace(bench, inspected=("xn.nobody",))


def test_inner_units_of_a_chain_are_no_current_sources():
    """Of units in series with one gate only the one at the drain saturates."""
    built = realise(NEURON, "transistor", technology=GENERIC)
    made = built.synapses.place("x", axon="axon", out="out", weight=0.05)
    units = [device for device in made.subcircuit.devices if isinstance(device, Mosfet)]
    chains = {unit.name.split("_")[1] for unit in units}
    assert sum(unit.saturates for unit in units) == len(chains) < len(units)


def test_what_many_neurons_have_is_one_row_of_the_worst():
    """The path is that of the neuron with the least margin, the other numbers are the largest of all."""
    first, second = (
        renamed([Point(of=ONE, current=c, margin=m, resting=m, gate=g)], name, "xn")
        for name, c, m, g in (("xhidden_0", 2e-9, 3.0, 0.5), ("xhidden_1", 1e-9, 1.0, 0.4))
    )
    (row,) = worst_of([*first, *second])
    assert (row.of.path, row.margin, row.current, row.gate) == ("xhidden_1.x_leak.m_tail", 1.0, 2e-9, 0.5)


def amplifier(margin, part="us_filter"):
    return Stability(part=part, cell="ota5", bias=1e-9, load=1e-12, crossing=2e3, margin=margin)


def said(found, margins=()):
    return judged(found, margins, GENERIC, voltage_unit=UNIT)


@pytest.mark.parametrize(
    ("point", "match"),
    [
        ({"margin": -1.5, "drain": 0.065, "where": 2 * UNIT, "resting": 2.0},
         r"1 transistors leave saturation .*m_tail .* with 65 mV, 1\.5 U_T too few, at U_m = 2\.0 V0.*larger supply"),
        ({"inversion": 3.0, "margin": 5.0}, r"leave weak inversion.*m_tail .* at 3; choose a smaller bias"),
        ({"gate": 0.85, "margin": 5.0}, r"gate voltage.*0\.9 V from a rail.*m_tail.*0\.850 V; draw it wider"),
    ],
)  # fmt: skip
def test_a_warning_names_device_and_cure(point, match):
    """And where: the technology, its corner, temperature and supply."""
    (words,) = said([Point(of=ONE, current=1e-9, **point)])
    assert words.startswith("generic_180nm at corner tt, 27 degrees and 1.8 V: ")
    assert re.search(match, words)


def test_what_is_not_meant_to_saturate_is_not_warned_of():
    """A switch that conducts with no drain voltage is one that is closed."""
    assert said([Point(of=replace(ONE, saturates=False), current=1e-9, margin=-4.0, resting=-4.0)]) == ()


def test_a_circuit_without_room_at_rest_is_refused():
    """A current source with less than 2 U_T lacks more than an eighth of its current; elsewhere in the swing it may."""
    with pytest.raises(
        NotWorking, match=r"does not work there.*m_tail \(tail current\), 1\.0 U_T; choose a larger"
    ):
        said([Point(of=ONE, current=1e-9, margin=-3.0, resting=-3.0, drain=0.026, where=0.0)])
    assert len(said([Point(of=ONE, current=1e-9, margin=-3.0, resting=1.0, drain=0.026, where=0.0)])) == 1


def test_an_amplifier_that_rings_is_warned_of_and_one_that_oscillates_refused():
    """Below 60 degrees a step overshoots by more than 9 %."""
    (words,) = said([], [amplifier(45.0), amplifier(85.0)])
    assert (
        "us_filter: ota5 at 1e-09 A has 45 degrees of phase margin at its load of 1e+03 fF, below 60" in words
    )
    with pytest.raises(
        NotWorking, match=r"us_filter: ota5 .* has 12 degrees of phase margin .*, and 30 are needed"
    ):
        said([], [amplifier(12.0)])


def test_the_phase_margin_of_two_poles_is_the_closed_form():
    """A0/((1 + jf/p1)(1 + jf/p2)): at |L| = 1 the phase is -atan(f/p1) - atan(f/p2), for any ratio of the poles."""
    f = np.logspace(-3, 6, 3601)
    for second in (30.0, 1e3, 1e5):
        gain = 200 / ((1 + 1j * f / 0.5) * (1 + 1j * f / second))
        crossing, margin = phase_margin(f, gain)
        exact = 180 - np.degrees(np.arctan(crossing / 0.5) + np.arctan(crossing / second))
        assert margin == pytest.approx(exact, abs=0.01)
        assert abs(np.interp(np.log(crossing), np.log(f), np.log(np.abs(gain)))) < 1e-3
    with pytest.raises(CircuitError, match="does not fall through one"):
        phase_margin(f, 0.5 / (1 + 1j * f))


def test_a_followers_response_says_its_loop_gain():
    """H = L/(1 + L) of an integrator with a second pole gives back the integrator's margin."""
    f = np.logspace(0, 7, 1401)
    loop = 1e3 / (1j * f * (1 + 1j * f / 2e3))
    found = stability(Loaded(part="p", cell="ota5", bias=1e-9, load=1e-12), f, loop / (1 + loop))
    assert found.margin == pytest.approx(phase_margin(f, loop)[1], abs=1e-6)


def test_an_amplifier_is_looked_at_with_its_smallest_load():
    """Every state's capacitor loads what drives it; of several neurons the smallest counts."""
    built = realise(NEURON, "transistor", technology=GENERIC)
    found = loaded(built)
    capacitors = {d.positive: d for d in built.subcircuit.devices if d.name.startswith("c_")}
    assert {one.part for one in found} == {"um_leak", "um_f_minus", "um_s_plus", "us_filter"}
    assert len({one.load for one in found}) == len(capacitors)
    smaller = replace(found[0], load=found[0].load / 2)
    assert least_stable([found[0], smaller])[0] == smaller
