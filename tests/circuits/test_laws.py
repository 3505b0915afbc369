"""The laws of a circuit in its model, and the calibration of what follows the membrane."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from circuits.calibration.amplifiers import CalibrationError, fit_tanh, trimmed
from circuits.calibration.laws import with_circuit_laws
from circuits.calibration.membrane import RAMP, REACH, fit_membrane, frozen, has_leak, with_capacitance
from circuits.calibration.output import fit_output
from circuits.data.scaling import Scaling
from circuits.networks.continuous import network_circuit
from circuits.realisations import Trim, realise
from circuits.realisations.forms import MEASURED, drawn
from circuits.technologies import technology
from conductance.elements import linear, quadratic, tanh
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import low_pass, mtc
from conductance.neurons.limits import CLAMP_HIGH, CLAMP_LOW, clamped
from conductance.shaping.curves import steady_curve
from excitable.ladder.calibration import calibrate_level, ramp_membrane, sweep_membrane, sweep_output, trims

GENERIC = technology("generic_180nm")
UNITS = GENERIC.scaling()
BIAS = 1e-9
VOLTAGES = np.linspace(-0.35, 0.35, 71)


def calibration(bend=0.0, gain=1.05, offset=2e-3):
    """A sweep of a pair, with a cubic bend that no tanh has."""
    curve = np.tanh((VOLTAGES - offset) / UNITS.voltage_unit)
    return fit_tanh(VOLTAGES, BIAS * gain * (curve + bend * curve**3), bias=BIAS, cell="ota")


def network():
    """Two neurons with gains of their own, and a linear filter."""
    hidden = NeuronLayer(
        mtc(), 2, dt=0.2, values={"alpha_f_minus": torch.tensor([1.5, 2.5])}, trainable=["alpha_f_minus"]
    )
    return Network(
        {
            "encoder": Projection(1, 2),
            "hidden": hidden,
            "readout": Projection(2, 1),
            "filter": NeuronLayer(low_pass(), 1, dt=0.2),
        }
    )


def test_laws_keep_what_was_trained():
    """Limits are added; numbers, what is trained, linear filter and projections stay."""
    before = network()
    after, (law,) = with_circuit_laws(before, [calibration()], {}, UNITS)
    assert (law.layer, law.filter_limit, law.leak_limit, law.tabulated) == ("hidden", 1.0, 5.0, ())
    assert (
        after.chain["filter"] is before.chain["filter"] and after.chain["readout"] is before.chain["readout"]
    )
    old, new = before.chain["hidden"].values(), after.chain["hidden"].values()
    assert all(torch.allclose(new[name], value) for name, value in old.items())
    assert after.chain["hidden"].raw_alpha_f_minus.requires_grad
    assert not after.chain["hidden"].raw_filter_limit.requires_grad
    assert not after.chain["hidden"].raw_alpha_clamp_low.requires_grad
    assert law.clamp_voltage == float(new["delta_clamp_high"][0]) == -float(new["delta_clamp_low"][0])
    again, laws = with_circuit_laws(after, [calibration()], {}, UNITS)
    assert again.chain["hidden"].neuron == after.chain["hidden"].neuron and laws == (law,)


@pytest.mark.slow
def test_a_sweep_that_no_tanh_follows_becomes_the_law_and_is_drawn_as_its_amplifier():
    """The model gets the measured curve, gain and offset put right; its circuit has the same pairs as before."""
    found = calibration(bend=0.6)
    assert found.residual > 0.02
    trims = {"ota": Trim(gain=found.gain, offset=found.offset)}
    after, (law,) = with_circuit_laws(network(), [found], trims, UNITS)
    neuron = after.chain["hidden"].neuron
    elements = [element for element in neuron.elements if element.name not in (CLAMP_LOW, CLAMP_HIGH)]
    assert set(law.tabulated) == {element.name for element in elements}
    assert all(element.law.name == MEASURED for element in elements)
    assert all(element.law.name == "tanh" for element in drawn(neuron).elements)
    inputs = np.zeros((4, 1))
    instances = [
        sum("_minus" in device.name for device in _neuron(one, inputs).devices)
        for one in (after, with_circuit_laws(network(), [calibration()], trims, UNITS)[0])
    ]
    assert instances[0] == instances[1] > 0


def test_only_pairs_get_the_law_of_a_pair():
    """A linear and a quadratic element keep their laws beside a pair whose sweep bends."""
    made = mtc((tanh("fast", -2.0), linear("slow", 0.7), quadratic("ultraslow", 0.3, -1.0, 0.5)))
    chain = Network({"hidden": NeuronLayer(made, 2, dt=0.2), "readout": Projection(2, 1)})
    after, (law,) = with_circuit_laws(chain, [calibration(bend=0.6)], {}, UNITS)
    kept = {element.name: element.law.name for element in after.chain["hidden"].neuron.elements}
    assert law.tabulated == ("f_minus",)
    for element in made.elements[1:]:
        assert kept[element.name] == element.law.name


def _neuron(net, inputs):
    built = network_circuit(net, inputs, dt=0.2, scaling=UNITS, levels="macromodel", technology=GENERIC)
    return next(part for part in built.circuit.subcircuits if part.name == "mtc")


def test_trimmed_sweep_has_gain_one_and_no_offset():
    """What a trim puts right is gone from the sweep: fitted again, it is the plain pair."""
    found = calibration()
    left = trimmed(found, found.trim())
    again = fit_tanh(left.voltages, left.currents, bias=BIAS, cell="ota")
    assert (again.gain, again.offset) == (pytest.approx(1.0, abs=1e-6), pytest.approx(0.0, abs=1e-8))


def test_output_fit_recovers_gain_offset_and_synapses():
    """A stage of gain 1.1, 3 mV late, with synapses of 0.9 and 1.2 that rest at 0.002 and 0.003 I0, is found again."""
    neuron, unit = mtc(), Scaling().voltage_unit
    voltages = np.linspace(-1, 3, 201) * unit
    line = 0.5 + np.tanh((voltages - 3e-3) / unit - 0.5) / (2 * np.tanh(0.5))
    output = unit * np.minimum(1.1 * np.clip(line, 0, None), 1.0)
    passed = 0.9 * output + 0.002 * unit, -1.2 * output - 0.003 * unit
    found = fit_output(voltages, output, *passed, neuron=neuron, scaling=Scaling())
    assert (found.gain, found.excitatory, found.inhibitory) == pytest.approx((1.1, 0.9, 1.2), rel=1e-6)
    assert found.offset == pytest.approx(3e-3, rel=1e-5)
    assert found.residual < 1e-9
    assert (found.excitatory_floor, found.inhibitory_floor) == pytest.approx((0.002, 0.003), rel=1e-6)
    assert found.trims["synapse_inhibitory"].imbalance == pytest.approx(0.003 / 1.2, rel=1e-6)
    with pytest.raises(CalibrationError, match="does not rise"):
        fit_output(voltages, 0 * output, output, output, neuron=neuron, scaling=Scaling())


@pytest.mark.simulator
def test_trims_make_the_output_stage_of_transistors_right():
    """Its mirrors add some per cent of gain; trimmed by its own sweep, gain is 1 and the offset 0 within 0.5 %."""
    neuron = mtc()
    before = sweep_output(neuron, realise(neuron, "transistor", technology=GENERIC), UNITS)
    built = realise(neuron, "transistor", technology=GENERIC, trims=before.trims)
    after = sweep_output(neuron, built, UNITS)
    assert abs(before.gain - 1) > 0.02
    assert after.gain == pytest.approx(1.0, abs=0.005)
    assert abs(after.offset) < 0.005 * UNITS.voltage_unit
    assert replace(before, gain=1.0).trims["output_stage"].gain == 1.0


def test_a_membrane_fit_recovers_conductance_and_offset():
    """A membrane with 4 % more leak, 0.05 V0 off, is found again; a filter has no leak; a dead membrane is refused."""
    neuron, scaling = mtc(leak_limit=5.0).with_values(R=2.0), Scaling()
    u = np.linspace(-REACH - 1, REACH + 1, 161)
    curve = steady_curve(neuron).function()
    current = curve(u) + (0.04 * u - 0.05 * 1.04) / 2.0
    drive = u * scaling.voltage_unit + 1e-3 * current
    found = fit_membrane(drive, u * scaling.voltage_unit, neuron=neuron, scaling=scaling)
    assert found.gain == pytest.approx(1.04, rel=1e-6)
    assert found.offset == pytest.approx(-0.05 * scaling.voltage_unit, rel=1e-5)
    assert found.residual < 1e-9
    assert has_leak(neuron) and not has_leak(low_pass())
    with pytest.raises(CalibrationError, match="its leak is"):
        fit_membrane(0 * drive, u * scaling.voltage_unit, neuron=neuron.with_values(R=0.1), scaling=scaling)


def test_ramps_recover_the_capacitance_of_the_gates():
    """Up and down, the same voltages draw currents that differ by twice C dU/dt: 0.3 pF beside the 1 pF declared."""
    neuron, scaling = mtc(leak_limit=5.0), Scaling()
    unit, edge = scaling.voltage_unit, RAMP * scaling.time_unit
    time = np.linspace(0, 4 * edge, 2001)
    u = unit * np.interp(time, np.array([0, 1, 2, 2.5, 3.5, 4]) * edge, [-1, -1, 1, 1, -1, -1])
    curve = steady_curve(neuron).function()(u / unit)
    drive = u + 1e-3 * (curve + 1.3e-12 * np.gradient(u, time) / scaling.current_unit)
    fit = fit_membrane(u + 1e-3 * curve, u, neuron=neuron, scaling=scaling)
    found = with_capacitance(fit, time, drive, u, neuron=neuron, scaling=scaling)
    assert found.capacitance == pytest.approx(0.3e-12, rel=1e-3)
    assert found.trims["leak"].capacitance == found.capacitance
    with pytest.raises(CalibrationError, match="more than its capacitor"):
        with_capacitance(fit, time, u + 2 * (drive - u), u, neuron=neuron, scaling=scaling)


@pytest.mark.simulator
def test_trims_of_the_leak_put_the_whole_membrane_right():
    """Amplifiers trimmed one by one leave over 0.015 V0, 2 % of conductance and 10 % of capacitance; the leak's own
    trim leaves a fifth of each.
    """
    neuron = clamped(mtc(filter_limit=1.0, leak_limit=5.0), voltage=8.0, current=4.0)
    single = trims(calibrate_level("transistor", GENERIC, [BIAS]))
    made = {"technology": GENERIC, "bias": 4 * BIAS}

    def fitted(trims):
        built, slow = (realise(one, "transistor", trims=trims, **made) for one in (neuron, frozen(neuron)))
        return ramp_membrane(sweep_membrane(neuron, built, UNITS), frozen(neuron), slow, UNITS)

    before = fitted(single)
    after = fitted(single | before.trims)
    assert abs(after.capacitance) < before.capacitance / 5 and before.capacitance > 0.1 * UNITS.capacitance
    assert abs(before.offset) > 0.015 * UNITS.voltage_unit and abs(before.gain - 1) > 0.02
    assert abs(after.offset) < abs(before.offset) / 5 and abs(after.gain - 1) < abs(before.gain - 1) / 5
