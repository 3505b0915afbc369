"""The laws of a circuit in its model, and the calibration of what follows the membrane."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from circuits.calibration import CalibrationError, fit_tanh, trimmed
from circuits.laws import with_circuit_laws
from circuits.network import network_circuit
from circuits.output_calibration import fit_output
from circuits.realisations import Trim, realise
from circuits.realisations.forms import MEASURED, drawn
from circuits.scaling import Scaling
from circuits.technologies import technology
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import low_pass, mtc
from excitable.calibration import sweep_output

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


def test_a_sweep_that_no_tanh_follows_becomes_the_law_and_is_drawn_as_its_amplifier():
    """The model gets the measured curve, gain and offset put right; its circuit has the same pairs as before."""
    found = calibration(bend=0.6)
    assert found.residual > 0.02
    trims = {"ota": Trim(gain=found.gain, offset=found.offset)}
    after, (law,) = with_circuit_laws(network(), [found], trims, UNITS)
    neuron = after.chain["hidden"].neuron
    assert set(law.tabulated) == {element.name for element in neuron.elements}
    assert all(element.law.name == MEASURED for element in neuron.elements)
    assert all(element.law.name == "tanh" for element in drawn(neuron).elements)
    inputs = np.zeros((4, 1))
    instances = [
        sum("_minus" in device.name for device in _neuron(one, inputs).devices)
        for one in (after, with_circuit_laws(network(), [calibration()], trims, UNITS)[0])
    ]
    assert instances[0] == instances[1] > 0


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
    """A stage of gain 1.1, 3 mV late, with synapses of 0.9 and 1.2, is found again; a flat one is refused."""
    neuron, unit = mtc(), Scaling().voltage_unit
    voltages = np.linspace(-1, 3, 201) * unit
    line = 0.5 + np.tanh((voltages - 3e-3) / unit - 0.5) / (2 * np.tanh(0.5))
    output = unit * np.minimum(1.1 * np.clip(line, 0, None), 1.0)
    found = fit_output(voltages, output, 0.9 * output, -1.2 * output, neuron=neuron, scaling=Scaling())
    assert (found.gain, found.excitatory, found.inhibitory) == pytest.approx((1.1, 0.9, 1.2), rel=1e-6)
    assert found.offset == pytest.approx(3e-3, rel=1e-5)
    assert found.residual < 1e-9
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
