"""The behavioural circuit states the declaration: currents, capacitors, signs, pins, units."""

import re
from dataclasses import replace

import numpy as np
import pytest
import sympy

from circuits.data.circuit import (
    BehaviouralCurrent,
    BehaviouralVoltage,
    Capacitor,
    CircuitError,
    Resistor,
    Transconductance,
    voltage,
)
from circuits.data.scaling import Scaling
from circuits.realisations.behavioural import behavioural
from circuits.realisations.interface import parameter_name
from conductance.elements import linear, quadratic, tabulated, tanh
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.base import INPUT

SCALING = Scaling(voltage_unit=0.07, current_unit=2e-9, capacitance=3e-12)
NEURONS = [
    mtc(),
    mtc([tanh("fast", -2.0, 0.3), tanh("slow", 2.0)], tau_f=0.5),
    mtc(filter_limit=1.5, leak_limit=5.0).with_values(U_rest=-0.4, R=1.7, tau_m=1.3),
    mtc(
        [
            linear("fast", -1.2, 0.2),
            quadratic("slow", 0.4),
            tabulated("slow", [-1, 0, 1], [-1, 0.2, 2], name="table"),
        ]
    ),
    low_pass(order=4, tau=2.5),
]


def injected(subcircuit, node, numbers):
    """Current (A) that all devices but capacitors bring into a node, and its capacitance (F)."""
    total, capacitance = 0.0, 0.0
    value = lambda expression: float(sympy.sympify(expression).subs(numbers))  # noqa: E731
    for device in subcircuit.devices:
        if isinstance(device, Capacitor) and node == device.positive:
            capacitance += value(device.capacitance)
        elif isinstance(device, Resistor) and node == device.positive:
            total -= value(voltage(node)) / value(device.resistance)
        elif isinstance(device, Transconductance):
            sensed = value(voltage(device.sense_positive)) - (
                0 if device.sense_negative == "0" else value(voltage(device.sense_negative))
            )
            total += value(device.gain) * sensed * ((device.out_to == node) - (device.out_from == node))
        elif isinstance(device, BehaviouralCurrent):
            total += value(device.current) * ((device.sink == node) - (device.source == node))
    return total, capacitance


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: f"{neuron.name}-{len(neuron.parameters)}")
def test_circuit_has_the_declared_dynamics(neuron):
    """At random voltages, current over capacitance of every node is the declared derivative in SI units."""
    subcircuit = behavioural(neuron, SCALING)
    rng = np.random.default_rng(1)
    dimensionless = neuron.substitutions()
    for _ in range(5):
        states = dict(zip(neuron.state_symbols, rng.uniform(-2, 2, len(neuron.states)), strict=True))
        numbers = {voltage(s.name): states[s.symbol] * SCALING.voltage_unit for s in neuron.states}
        numbers |= {sympy.Symbol(parameter_name(k), real=True): v for k, v in neuron.defaults.items()}
        numbers |= {sympy.Symbol(p.name, positive=True): p.value for p in subcircuit.parameters[:3]}
        for state in neuron.states:
            current, capacitance = injected(subcircuit, state.name, numbers)
            expected = float(state.derivative.subs({INPUT: 0, **states}).subs(dimensionless))
            slope = expected * SCALING.voltage_unit / SCALING.time_unit
            assert current / capacitance == pytest.approx(
                slope, rel=1e-9, abs=1e-9 * SCALING.voltage_unit / SCALING.time_unit
            )
        (output,) = [device for device in subcircuit.devices if isinstance(device, BehaviouralVoltage)]
        expected = float(sympy.sympify(neuron.output).subs(states).subs(dimensionless)) * SCALING.voltage_unit
        assert float(output.voltage.subs(numbers)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_negative_conductance_points_into_the_membrane():
    """A designer reads alpha tanh(v - delta): out of the membrane for a positive, into it for a negative element."""
    sources = {d.name: d for d in behavioural(mtc(), SCALING).devices if isinstance(d, BehaviouralCurrent)}
    assert (sources["b_um_f_minus"].source, sources["b_um_f_minus"].sink) == ("0", "um")
    assert (sources["b_um_s_plus"].source, sources["b_um_s_plus"].sink) == ("um", "0")


def test_time_unit_is_that_of_the_capacitor():
    """C V0 / I0: 1 pF, 72 mV and 1 nA make 72 us."""
    assert Scaling().time_unit == pytest.approx(72e-6)


def test_a_spike_that_lasts_a_step_has_no_circuit():
    """AdLIF's adaptation is driven for one time step, so its circuit would depend on the step: refused by name."""
    with pytest.raises(CircuitError, match=r"neuron adlif: current spikes of w .* no circuit"):
        behavioural(adlif(), SCALING)


def test_events_without_a_comparator_are_refused():
    """A threshold that moves with another state, and a reset of two states, are more than one switch can do."""
    neuron = qif()
    current = neuron.states[1].symbol
    for change in (
        {"margin": neuron.event.margin - current},
        {"reset": {**neuron.event.reset, current: sympy.S.Zero}},
    ):
        with pytest.raises(CircuitError, match=r"neuron qif: its event.*fixed threshold of the membrane"):
            behavioural(replace(neuron, event=replace(neuron.event, **change)), SCALING)


def test_an_event_above_its_reset_only():
    """A comparator needs its threshold above the reset voltage."""
    with pytest.raises(CircuitError, match="neuron lif: its threshold must lie above its reset"):
        # the declaration of lif refuses such values itself
        behavioural(replace(lif(), constraints=()).with_values(theta=0.5, U_rest=1.0), SCALING)


@pytest.mark.parametrize("field", ["voltage_unit", "current_unit", "capacitance"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), "72m", True, 1e6, 1e-30])
def test_scaling_refuses_what_nobody_can_mean(field, value):
    """The error names the value, the range and the unit: a megaampere is none of a neuron's."""
    with pytest.raises(
        CircuitError, match=rf"{field} = {re.escape(repr(value))} must be a number from .* [VAF]$"
    ):
        Scaling(**{field: value})
