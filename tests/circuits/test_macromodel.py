"""Neurons of amplifier macromodels: which amplifier each current asks for, signs, Kirchhoff's law, limits."""

import dataclasses
import math

import numpy as np
import pytest
import sympy

from circuits.data.amplifier import AmplifierModel
from circuits.data.circuit import BehaviouralCurrent, Capacitor, CircuitError, Instance, voltage
from circuits.realisations import Trim, realise
from circuits.realisations.cells.macromodel import macromodel
from circuits.realisations.cells.parasitics import loaded
from circuits.realisations.forms import clipped_form, named_currents, read_current
from circuits.realisations.interface import parameter_name
from circuits.realisations.parts.multi_tanh import multi_tanh
from circuits.technologies import technology
from conductance.elements import tabulated, tanh
from conductance.neurons import lif, low_pass, mtc, qif
from conductance.neurons.base import INPUT
from excitable.ladder.calibration import fit_level

IDEAL, GENERIC = technology("ideal"), technology("generic_180nm")
NEURONS = [
    mtc(filter_limit=1.0, leak_limit=1.0),
    mtc(filter_limit=1.0, leak_limit=1.0).with_values(U_rest=-0.4, R=1.7, tau_m=1.3),
    mtc([tanh("fast", -2.0, 0.3), tanh("slow", 2.0)], tau_f=0.5, filter_limit=1.0, leak_limit=1.0),
]


@pytest.mark.parametrize("neuron", NEURONS, ids=range(len(NEURONS)))
def test_a_current_is_read_as_its_amplifier(neuron):
    """peak tanh((plus - minus)/width) is the declared current at any voltage, and its peak is positive."""
    rng = np.random.default_rng(2)
    numbers = neuron.substitutions()
    for declared in named_currents(neuron):
        form, current = declared.transfer, declared.expression
        assert form is not None, declared.name
        assert float(form.peak.subs(numbers)) > 0
        for _ in range(3):
            at = (
                dict(zip(neuron.state_symbols, rng.uniform(-2, 2, len(neuron.states)), strict=True)) | numbers
            )
            difference = (sympy.sympify(form.plus) - form.minus).subs(at)
            made = form.peak.subs(at) * sympy.tanh(difference / form.width)
            assert float(made) == pytest.approx(float(current.subs(at)), rel=1e-9)


def test_sign_is_which_input_reads_the_state():
    """A negative conductance reads the membrane at plus, so that it drives it on; a positive one at minus."""
    neuron = mtc()
    forms = {current.name: current.transfer for current in named_currents(neuron)}
    membrane, slow = neuron.state_symbols[:2]
    assert forms["f_minus"].plus == membrane
    assert forms["s_minus"].plus == slow
    assert forms["s_plus"].minus == slow


@pytest.mark.parametrize(
    "current", ["tanh(a) + tanh(2*a)", "a*tanh(a)", "tanh(a**2)", "tanh(a + b)", "a + b", "a**2", "a*b"]
)
def test_other_laws_are_no_amplifier(current):
    """Sums, products and sums of voltages have no differential pair."""
    neuron = mtc(filter_limit=1.0)
    names = dict(zip("ab", neuron.state_symbols, strict=False))
    expression = sympy.sympify(current, locals=names)
    declared = read_current(neuron, neuron.membrane, "law", expression)
    assert declared.transfer is None


def test_clipped_output_is_read():
    """The saturated line of the model, between its two thresholds; a filter's output is none."""
    neuron = mtc()
    form = clipped_form(neuron)
    numbers = neuron.with_values(U_th=0.2, U_sat=1.7).substitutions()
    assert form.state == neuron.state_symbols[0]
    assert (float(form.lower.subs(numbers)), float(form.upper.subs(numbers))) == pytest.approx((0.2, 1.7))
    assert clipped_form(low_pass()) is None


def flat(realisation):
    """The neuron's devices by themselves and those of its cells, with the values of instance parameters put in."""
    cells = {cell.name: cell for cell in realisation.cells}
    for device in realisation.subcircuit.devices:
        if not isinstance(device, Instance):
            yield device
            continue
        pins = device.connections
        values = {sympy.Symbol(k, positive=True): v for k, v in device.parameters.items()}
        nodes = {
            voltage("plus", "minus"): voltage(pins["plus"])
            - (voltage(pins["minus"]) if pins["minus"] != "0" else 0)
        }
        for inner in cells[device.subcircuit].devices:
            if isinstance(inner, BehaviouralCurrent):
                ends = {end: pins.get(getattr(inner, end), getattr(inner, end)) for end in ("source", "sink")}
                current = inner.current.subs({**nodes, **values})
                yield dataclasses.replace(inner, name=device.name, current=current, **ends)


@pytest.mark.parametrize("neuron", NEURONS, ids=range(len(NEURONS)))
def test_perfect_amplifiers_make_the_declared_neuron(neuron):
    """Kirchhoff: with perfect amplifiers, the currents into each state's node are the declared ones in SI units."""
    scaling = IDEAL.scaling(current_unit=2e-9, capacitance=3e-12)
    realisation = realise(neuron, "macromodel", technology=IDEAL, scaling=scaling)
    devices = list(flat(realisation))
    rng = np.random.default_rng(3)
    for _ in range(3):
        states = dict(zip(neuron.state_symbols, rng.uniform(-2, 2, len(neuron.states)), strict=True))
        numbers = {voltage(s.name): states[s.symbol] * scaling.voltage_unit for s in neuron.states}
        numbers |= {sympy.Symbol(parameter_name(k), real=True): v for k, v in neuron.defaults.items()}
        numbers |= {
            sympy.Symbol(p.name, positive=True): p.value for p in realisation.subcircuit.parameters[:3]
        }
        for device in devices:
            if device.name.startswith("b_ref"):
                numbers[voltage(device.positive)] = float(device.voltage.subs(numbers))
        for state in neuron.states:
            total, capacitance = 0.0, 0.0
            for device in devices:
                if isinstance(device, BehaviouralCurrent):
                    into = (device.sink == state.name) - (device.source == state.name)
                    total += into * float(device.current.subs(numbers)) if into else 0.0
                elif isinstance(device, Capacitor) and device.positive == state.name:
                    capacitance += float(device.capacitance.subs(numbers))
            expected = float(state.derivative.subs({INPUT: 0, **states}).subs(neuron.substitutions()))
            assert total / capacitance * scaling.time_unit / scaling.voltage_unit == pytest.approx(
                expected, rel=1e-9
            )


@pytest.mark.parametrize("width", [1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 8.0])
def test_staggered_pairs_follow_the_wide_law(width):
    """The sum stays within its stated residual, 2 % of the width, has positive weights and is odd."""
    shape = multi_tanh(width)
    voltages = np.linspace(-width, width, 333)
    deviation = np.abs(shape.current(voltages) - width * np.tanh(voltages / width)).max() / width
    assert deviation <= shape.residual + 1e-3
    assert shape.residual < 0.02
    assert min(shape.weights) > 0
    assert shape.current(-voltages) == pytest.approx(-shape.current(voltages), abs=1e-12)
    assert shape.current(100.0) == pytest.approx(sum(shape.weights))
    assert 0.85 * width < sum(shape.weights) <= 1.0 * width + 1e-9


def test_a_single_pair_is_exact():
    """A width of one needs one pair and has no residual."""
    assert multi_tanh(1.0).weights == (1.0,)
    assert multi_tanh(1.0).residual == 0


@pytest.mark.parametrize("width", [0.5, 9.0, math.nan])
def test_impossible_widths_are_refused(width):
    """The error says which declared limits may be had."""
    with pytest.raises(CircuitError, match="leak_limit"):
        multi_tanh(width)


def output_current(model: AmplifierModel, difference: float, out: float) -> float:
    """Current into `out`, in units of the bias current."""
    cell = macromodel(model, supply=1.8, thermal_voltage=0.02585, bias=1e-9).subcircuit
    numbers = {
        voltage("plus", "minus"): difference, voltage("out"): out, voltage("vdd", "out"): 0.9 - out,
        voltage("out", "vss"): out + 0.9, sympy.Symbol("ib", positive=True): 1.0,
    }  # fmt: skip
    total = 0.0
    for device in cell.devices:
        if isinstance(device, BehaviouralCurrent):
            total += ((device.sink == "out") - (device.source == "out")) * float(device.current.subs(numbers))
    return total


def test_macromodel_states_its_numbers():
    """Gain, offset and V0 are those that were asked for, with and without rails."""
    for rails in (False, True):
        model = AmplifierModel(gain=1.1, offset=3e-3, voltage_unit=0.07, early_voltage=30.0, rails=rails)
        assert output_current(model, 3e-3, 0.0) == pytest.approx(0.0, abs=1e-12)
        assert output_current(model, 1.0, 0.0) == pytest.approx(1.1, rel=1e-9)
        assert output_current(model, 3e-3 + 0.07, 0.0) == pytest.approx(1.1 * math.tanh(1), rel=1e-9)


@pytest.mark.parametrize("imbalance", [-0.014, 0.2])
def test_imbalance_is_a_constant_current_that_rails_stop_too(imbalance):
    """It adds gain I_b imbalance in the middle, and beyond either rail the output is still driven back."""
    for rails in (False, True):
        model = AmplifierModel(gain=1.1, imbalance=imbalance, rails=rails)
        for difference in (-0.03, 0.0, 0.05):
            wanted = 1.1 * (math.tanh(difference / model.voltage_unit) + imbalance)
            assert output_current(model, difference, 0.0) == pytest.approx(wanted, rel=1e-9)
    for difference in (-1.0, 1.0):
        assert output_current(model, difference, 0.95) <= 0 <= output_current(model, difference, -0.95)


def test_output_resistance_is_early_voltage_over_bias():
    """Around the middle, the output current falls by one bias current in about one early voltage."""
    for rails in (False, True):
        model = AmplifierModel(early_voltage=30.0, rails=rails)
        slope = (output_current(model, 0.0, 0.1) - output_current(model, 0.0, -0.1)) / 0.2
        assert slope == pytest.approx(-1 / 30, rel=0.04)


def test_rails_stop_the_output():
    """No current is sourced at the upper rail nor sunk at the lower one, and beyond them it turns round."""
    model = AmplifierModel(rails=True)
    assert output_current(model, 1.0, 0.9) == pytest.approx(0.0, abs=1e-9)
    assert output_current(model, 1.0, 0.95) < 0
    assert output_current(model, -1.0, -0.9) == pytest.approx(0.0, abs=1e-9)
    assert output_current(model, 1.0, 0.7) == pytest.approx(1.0, rel=1e-3)
    assert math.isfinite(output_current(model, 1.0, 1e6))


def test_slew_is_bias_over_capacitance():
    """1 nA on 1 pF moves by 1 V in a millisecond."""
    assert AmplifierModel().slew(1e-9, 1e-12) == pytest.approx(1e3)


def test_levels_can_be_mixed():
    """Named currents stay behavioural sources among amplifiers; a wrong name is answered by the right ones."""
    neuron = mtc(filter_limit=1.0, leak_limit=5.0)
    mixed = realise(neuron, "macromodel", ideal=("leak", "output"))
    names = {device.name for device in mixed.subcircuit.devices}
    assert "b_um_leak" in names and "b_out" in names and "x_um_f_minus" in names
    assert not any(name.startswith("x_um_leak") for name in names)
    with pytest.raises(
        CircuitError, match="leek cannot stay behavioural; it has f_minus, filter, leak, output"
    ):
        realise(neuron, "macromodel", ideal=("leek",))


def test_a_trim_divides_the_bias_and_moves_the_references():
    """What a sweep found is undone: more gain needs less bias; an element's own offset raises its plus end over its
    minus end, and a follower's offset lowers the references of the elements that read it.
    """
    neuron = mtc(filter_limit=1.0, leak_limit=1.0)
    trims = {"amplifier": Trim(gain=1.25, offset=2e-3), "amplifier_follower": Trim(gain=1.1, offset=5e-3)}
    plain, trimmed = (
        {d.name: d for d in realise(neuron, "macromodel", technology=GENERIC, trims=t).subcircuit.devices}
        for t in (None, trims)
    )
    for name, gain in (
        ("x_um_f_minus", 1.25),
        ("x_um_s_plus", 1.25),
        ("x_us_filter", 1.1),
        ("x_um_leak", 1.1),
    ):
        assert float(plain[name].parameters["ib"] / trimmed[name].parameters["ib"]) == pytest.approx(gain)
    for name, pin, change in (
        ("x_um_leak", "plus", 5e-3), ("x_um_f_minus", "minus", -2e-3),
        ("x_um_s_plus", "plus", 2e-3 - 5e-3), ("x_um_s_minus", "minus", -2e-3 - 5e-3),
    ):  # fmt: skip
        before = plain["b_" + plain[name].connections[pin]].voltage
        after = trimmed["b_" + trimmed[name].connections[pin]].voltage
        assert float(after - before) == pytest.approx(change)


@pytest.mark.parametrize("neuron", [lif(), qif()], ids=lambda neuron: neuron.name)
def test_events_have_no_transistor_level(neuron):
    """A neuron with events is refused by its name, and told what there is."""
    with pytest.raises(CircuitError, match=f"neuron {neuron.name}.*macromodel level, or .*log_domain"):
        realise(neuron, "transistor", technology=GENERIC)


def test_what_no_amplifier_can_do_is_named():
    """The error names the current and the way out."""
    neuron = mtc([tanh("fast", -2.0), tabulated("slow", [-1, -0.1, 0.1, 1], [-1, -1, 1, 1], name="s_plus")])
    with pytest.raises(CircuitError, match=r"current s_plus: differential pairs.*ideal=\['s_plus'\]"):
        realise(neuron, "macromodel")
    assert realise(neuron, "macromodel", ideal=("s_plus",)).cells
    with pytest.raises(CircuitError, match=r"filter of width 2.*filter_limit = 1"):
        realise(mtc(filter_limit=2.0), "macromodel")
    with pytest.raises(CircuitError, match="level 'spice' is unknown; allowed are behavioural, macromodel"):
        realise(mtc(), "spice")


@pytest.mark.simulator
def test_both_levels_load_the_membrane_alike():
    """Ramps find gates and drains at the membrane: macromodels have those of the transistors within 10 %."""
    process = technology("generic_180nm")
    neuron = mtc([tanh("fast", -2.0), tanh("slow", 2.0)], filter_limit=1.0)
    biases = np.array([1e-9, 2e-9])
    found = {
        level: fit_level(level, process, biases, neuron, process.scaling()).membrane.capacitance
        for level in ("macromodel", "transistor")
    }
    assert found["transistor"] > 0.1e-12
    assert found["macromodel"] == pytest.approx(found["transistor"], rel=0.1)


def test_capacitances_follow_the_sizes_of_transistors():
    """Wider transistors for ten times the current load nodes more; a technology without transistors adds nothing."""
    process = technology("generic_180nm")
    small, large = (loaded(process.amplifier, process, bias) for bias in (1e-9, 200e-9))
    widths = [process.width("nmos", bias) for bias in (1e-9, 200e-9)]
    assert large.input_capacitance / small.input_capacitance == pytest.approx(widths[1] / widths[0])
    assert large.mirror_capacitance > 2 * small.mirror_capacitance
    assert loaded(technology("ideal").amplifier, technology("ideal"), 1e-9) == technology("ideal").amplifier
