"""Laws made of staggered differential pairs: how near they come, what is refused, and that they add up in a neuron."""

import dataclasses
import warnings

import numpy as np
import pytest
import sympy

from circuits.calibration.amplifiers import SENSE_VOLTAGE
from circuits.calibration.membrane import SWEPT, membrane_bench
from circuits.data.circuit import BehaviouralCurrent, BehaviouralVoltage, CircuitError, Instance, voltage
from circuits.realisations import realise, recognised
from circuits.realisations.parts.staggered import TOLERANCE, WARNED, span, staggered
from circuits.technologies import technology
from conductance.elements import linear, quadratic, tabulated, tanh
from conductance.events import theta
from conductance.neurons import mtc
from conductance.shaping.curves import steady_curve
from excitable.ladder.calibration import calibrate_level, trims
from netlists.analyses import DCSweep, Tolerances
from netlists.simulation import simulate
from netlists.writing import write_netlist

IDEAL = technology("ideal")
VOLTAGES = np.linspace(-4.5, 4.5, 91)
POINTS = np.linspace(-5, 5, 26)
ELEMENTS = {
    "parabola": quadratic("slow", 0.4, -0.5, 1.5, name="law"),
    "inverted parabola": quadratic("slow", -0.4, name="law"),
    "table": tabulated("slow", POINTS, POINTS**3 / 20 - POINTS, gain=1.5, offset=0.2, name="law"),
    "falling table": tabulated("slow", POINTS, POINTS**3 / 20 - POINTS, gain=-0.7, name="law"),
}


def pairs_of(neuron):
    state = neuron.states[0]
    return staggered(state.currents["law"], neuron, span(neuron, state))


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=ELEMENTS)
def test_pairs_follow_the_law(element):
    """Inside the span, constant and weighted tanh curves are the declared current within the stated residual."""
    neuron = mtc([element])
    form = pairs_of(neuron)
    numbers = neuron.substitutions()
    current = sympy.lambdify(form.state, neuron.states[0].currents["law"].subs(numbers))(VOLTAGES)
    curves = np.tanh(VOLTAGES[:, None] - np.asarray(form.references)) @ np.asarray(form.weights)
    made = float(form.factor.subs(numbers)) * (form.constant + curves)
    assert np.abs(made - current).max() <= 1.05 * form.residual * np.abs(current).max() + 1e-12
    assert form.residual < 0.015
    assert float(form.factor.subs(numbers)) > 0


def test_gain_stays_a_parameter_and_shape_does_not():
    """The gain scales every pair's bias; zeros and offsets decide the pairs, so a layer must share them."""
    neuron = mtc([ELEMENTS["parabola"]])
    form = pairs_of(neuron)
    assert form.factor.free_symbols == {neuron.parameter("alpha_law").symbol}
    assert set(recognised(neuron).width_parameters) == {"root_low_law", "root_high_law"}
    louder = recognised(neuron.with_values(alpha_law=0.8)).bias_currents(IDEAL.scaling())[-1]
    assert louder == pytest.approx(2 * recognised(neuron).bias_currents(IDEAL.scaling())[-1])


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=ELEMENTS)
def test_perfect_amplifiers_make_the_element(element):
    """Kirchhoff: currents of all cells and of the constant into the membrane are the element's, in SI units."""
    neuron = mtc([element], filter_limit=1.0)
    scaling = IDEAL.scaling(current_unit=2e-9)
    built = realise(neuron, "macromodel", technology=IDEAL, scaling=scaling)
    (source,) = [d for d in built.cells[0].devices if isinstance(d, BehaviouralCurrent)]
    parameters = {sympy.Symbol(p.name, positive=True): p.value for p in built.subcircuit.parameters[:3]}
    parameters |= {sympy.Symbol(p.name, real=True): p.value for p in built.subcircuit.parameters[3:]}
    for state in (-3.0, -0.2, 1.1, 4.0):
        nodes = {"um": 0.0, "us": state * scaling.voltage_unit, "0": 0.0}
        for device in built.subcircuit.devices:
            if isinstance(device, BehaviouralVoltage) and device.name.startswith("b_ref"):
                nodes[device.positive] = float(device.voltage.subs(parameters))
        total = 0.0
        for device in built.subcircuit.devices:
            if isinstance(device, Instance) and device.name.startswith("x_um_law"):
                difference = nodes[device.connections["plus"]] - nodes[device.connections["minus"]]
                bias = sympy.sympify(device.parameters["ib"]).subs(parameters)
                total += float(source.current.subs({voltage("plus", "minus"): difference, "ib": bias}).subs(
                    {symbol: bias for symbol in source.current.free_symbols if symbol.name == "ib"}
                ))  # fmt: skip
            elif device.name == "b_um_law_constant":
                total += float(device.current.subs(parameters))
        slow = neuron.states[1].symbol
        expected = float(neuron.states[0].currents["law"].subs(neuron.substitutions() | {slow: state}))
        assert total / scaling.current_unit == pytest.approx(expected, abs=0.03)


def test_weights_are_smaller_than_those_of_plain_least_squares():
    """Half the law's total variation bounds the weights from below; least squares alone lie farther above it."""
    neuron = mtc([tabulated("slow", POINTS, np.exp(-2 * POINTS**2), name="law")])
    form = pairs_of(neuron)
    law = sympy.lambdify(form.state, neuron.membrane.currents["law"].subs(neuron.substitutions()))(VOLTAGES)
    references = -4.5 + np.arange(-1, 11)
    basis = np.column_stack([np.tanh(VOLTAGES[:, None] - references), np.ones(VOLTAGES.size)])
    plain = np.linalg.lstsq(basis, law)[0][:-1]
    least = np.abs(np.diff(law)).sum() / 2
    made = form.cancellation * np.abs(law).max()
    assert least < made < 0.75 * np.abs(plain).sum()


@pytest.mark.parametrize("calibrated", [False, True], ids=["as drawn", "calibrated"])
@pytest.mark.parametrize("name", ["inverted parabola", "falling table"])
def test_transistors_are_off_by_no_more_than_is_said(name, calibrated):
    """By DC, the membrane of transistors leaves its declared I-V curve by less than the expected error of the law."""
    neuron = mtc([ELEMENTS[name]], filter_limit=1.0)
    process = technology("generic_180nm")
    scaling = process.scaling()
    form = pairs_of(neuron)
    law = sympy.lambdify(form.state, neuron.membrane.currents["law"].subs(neuron.substitutions()))
    bias = recognised(neuron).bias_currents(scaling)[-1]
    trim = trims(calibrate_level("transistor", process, (bias / 4, bias / 2, bias))) if calibrated else {}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        built = realise(neuron, "transistor", technology=process, trims=trim)
    expected = form.expected_error(calibrated=calibrated)
    assert bool(said) == (expected > WARNED)
    if said:
        assert f"current law: {len(form.weights)} pairs" in str(said[0].message)
        assert f"off by {expected:.0%}" in str(said[0].message)
    reach = 4.5 * scaling.voltage_unit
    sweep = DCSweep(source=SWEPT, start=-reach, stop=reach, step=reach / 30)
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit,
        capacitance=scaling.capacitance, relative=1e-5,
    )  # fmt: skip
    found = simulate(write_netlist(membrane_bench(neuron, built, scaling), sweep, tolerances)).require()
    held = found["voltage"].sel(node="um").to_numpy()
    current = (found["sweep"].to_numpy() - held) / SENSE_VOLTAGE
    excess = np.abs(current - steady_curve(neuron).function()(held / scaling.voltage_unit)).max()
    assert 0.01 < excess / np.abs(law(VOLTAGES)).max() < expected


def test_perfect_amplifiers_warn_of_nothing():
    """Weights that cancel do no harm where pairs have no errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        realise(mtc([ELEMENTS["table"]], filter_limit=1.0), "macromodel", technology=IDEAL)


def test_a_linear_element_needs_no_constant():
    """An ohmic element is the leak's multi-tanh, one instance for each pair, and no other device."""
    built = realise(
        mtc([linear("slow", 0.5, 0.3, name="law")], filter_limit=1.0), "macromodel", technology=IDEAL
    )
    names = [device.name for device in built.subcircuit.devices]
    assert any(name.startswith("x_um_law") for name in names)
    assert "b_um_law_constant" not in names


def test_a_neuron_with_an_event_is_followed_between_its_reset_and_threshold():
    """The parabola of a QIF neuron with peak 10 is followed over +-10, within 1e-3 of its largest current."""
    neuron = theta(V_peak=10.0)
    membrane = neuron.states[0]
    assert span(neuron, membrane) == (-10.0, 10.0)
    assert staggered(membrane.currents["f_minus"], neuron, span(neuron, membrane)).residual < 1e-3


def test_sharp_and_coupled_laws_are_refused():
    """A kink within one pair's width, and a current of two voltages, name the current and the way out."""
    kinked = mtc(
        [tanh("fast", -2.0), tabulated("slow", [-1, -0.1, 0.1, 1], [-1, -1, 1, 1], name="law")],
        filter_limit=1.0,
    )
    assert pairs_of(kinked).residual > TOLERANCE
    with pytest.raises(
        CircuitError, match=r"current law: differential pairs.*smooth its table.*ideal=\['law'\]"
    ):
        realise(kinked, "macromodel", technology=IDEAL)
    assert realise(kinked, "macromodel", technology=IDEAL, ideal=("law",)).cells
    fast, slow = kinked.state_symbols[:2]
    state = kinked.states[0]
    coupled = dataclasses.replace(state, currents={**state.currents, "law": fast * slow})
    neuron = dataclasses.replace(kinked, states=(coupled, *kinked.states[1:]))
    with pytest.raises(CircuitError, match=r"current law: no amplifier has the law U_m\*U_s"):
        realise(neuron, "macromodel", technology=IDEAL)
