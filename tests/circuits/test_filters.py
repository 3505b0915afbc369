"""The bias current of slow filters: capacitors follow it, the equation stays, and what leaks away is refused."""

import numpy as np
import pytest
import sympy

from circuits.data.values import CircuitError
from circuits.networks.single import neuron_circuit
from circuits.realisations import kit, realise, recognised
from circuits.realisations.filters import (
    LEAKAGES,
    check_filter_current,
    filters_of,
    network_with_filter_current,
    with_filter_current,
)
from circuits.technologies import technology
from conductance import PRESETS, Network, NeuronLayer, lif, mtc
from excitable.checks.neuron import check_circuit
from netlists import Tolerances, Transient
from netlists.simulation import solve

BURSTING = PRESETS["bursting"]
GENERIC = technology("generic_180nm")


@pytest.mark.parametrize("neuron", [BURSTING.neuron, mtc(filter_limit=1.0)], ids=["linear", "slewing"])
def test_the_equation_stays_and_the_capacitors_shrink(neuron):
    """Each derivative is the same expression; each filter's capacity and current is a twentieth."""
    made = with_filter_current(neuron, 0.05)
    for before, after in zip(neuron.states, made.states, strict=True):
        assert sympy.nsimplify(sympy.simplify(after.derivative - before.derivative), tolerance=1e-9) == 0
        factor = 0.05 if before in filters_of(neuron) else 1.0
        assert float(sympy.simplify(after.capacity / before.capacity)) == pytest.approx(factor)
    assert len(filters_of(neuron)) == 2
    again = with_filter_current(made, 0.05)
    assert [state.capacity for state in again.states] == [state.capacity for state in made.states]


@pytest.mark.simulator
def test_a_netlist_with_small_filters_follows_the_same_curve():
    """Behavioural: the same membrane to the simulator's tolerance, with a filter's capacitor at 3 %."""
    units = GENERIC.scaling()
    tolerances = Tolerances.scaled(
        voltage_unit=units.voltage_unit,
        current_unit=units.current_unit,
        capacitance=units.capacitance,
        relative=1e-7,
    )
    curves, capacitors = [], []
    for share in (1.0, 0.03):
        neuron = with_filter_current(BURSTING.neuron, share)
        built = realise(neuron, scaling=units)
        circuit = neuron_circuit(neuron, -1.0, scaling=units, start=BURSTING.start, realisation=built)
        stop = 100 * units.time_unit
        found = solve(circuit, Transient(stop=stop, max_step=0.05 * units.time_unit), tolerances).require()
        grid = np.linspace(0, stop, 500)
        membrane = found["voltage"].sel(node=circuit.probes[0]).to_numpy()
        curves.append(np.interp(grid, found["time"].to_numpy(), membrane) / units.voltage_unit)
        values = dict(neuron.defaults)
        symbols = {p.symbol: values[p.name] for p in neuron.parameters}
        capacitors.append(float(neuron.states[1].capacity.subs(symbols)))
    assert np.abs(curves[1] - curves[0]).max() < 2e-3
    assert np.ptp(curves[0]) > 2
    assert capacitors[1] / capacitors[0] == pytest.approx(0.03)


@pytest.mark.parametrize("level", ["macromodel", "transistor"])
def test_small_filters_have_an_amplifier_of_their_own(level):
    """Its bias is no bias of the elements, and it is another cell; at the unit of current it is the follower."""
    units = GENERIC.scaling()
    slewing = mtc(filter_limit=1.0)
    small = recognised(with_filter_current(slewing, 0.05))
    assert small.filter_current(units) == pytest.approx(0.05 * units.current_unit)
    assert small.bias_currents(units).min() >= units.current_unit * 0.5
    own, shared = (
        kit(level, GENERIC, bias=5e-9, filter_bias=recognised(neuron).filter_current(units))
        for neuron in (small.neuron, slewing)
    )
    assert shared.filter is shared.follower
    assert own.filter.subcircuit.name not in (own.follower.subcircuit.name, own.element.subcircuit.name)
    assert float(own.filter.subcircuit.parameters[0].value) == pytest.approx(5e-11)


@pytest.mark.slow
@pytest.mark.simulator
def test_small_filters_of_transistors_find_every_spike():
    """At 50 pA each spike of a burst comes within 2 tau_m of the equation's (1.4; 0.3 at 1 nA): V0 is 3 % smaller."""
    values = {key: value for key, value in BURSTING.neuron.defaults.items() if key != "filter_limit"}
    neuron = mtc(BURSTING.neuron.elements, filter_limit=1.0).with_values(**values)
    found = check_circuit(
        with_filter_current(neuron, 0.05),
        -1.0,
        400,
        start=BURSTING.start,
        level="transistor",
        technology=GENERIC,
    )
    (whole,) = found.comparison.neurons
    assert (whole.matched, whole.missing, whole.extra) == (3, 0, 0)
    assert whole.max_time_error_tau_m < 2.0
    assert whole.rms_v0 < 0.3


def test_a_layer_keeps_its_values_and_a_network_without_filters_is_refused():
    """The membrane's own law and the trained values stay; where nothing is slow, the key has no meaning."""
    layer = NeuronLayer(BURSTING.neuron, 3, dt=0.2, values={"tau_s": [10.0, 20.0, 30.0]})
    made = network_with_filter_current(Network({"hidden": layer}), 0.05).chain["hidden"]
    assert made.values()["tau_s"].tolist() == layer.values()["tau_s"].tolist()
    with pytest.raises(CircuitError, match="filter_current: none of the layers hidden"):
        network_with_filter_current(Network({"hidden": NeuronLayer(lif(), 3, dt=0.2)}), 0.05)


def test_what_leaks_away_is_refused_at_its_temperature():
    """Twenty leakages of the worse transistor, which grow with the temperature as measured: x 8.2 from 27 to 85."""
    assert GENERIC.leakage == pytest.approx(1.24e-12, rel=0.01)
    assert GENERIC.at(temperature=85.0).leakage == pytest.approx(1.01e-11, rel=0.02)
    check_filter_current(1.01 * LEAKAGES * GENERIC.leakage, GENERIC)
    with pytest.raises(CircuitError, match=r"filter_current = 3e-11 A.*85 degrees.*2e-10 A"):
        check_filter_current(3e-11, GENERIC.at(temperature=85.0))
    check_filter_current(1e-15, technology("ideal"))
