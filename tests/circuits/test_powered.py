"""A circuit that is switched on comes to the oscillation that initial voltages start."""

from dataclasses import replace

import numpy as np
import pytest

from circuits.data.circuit import CircuitError, HeldWaveform, VoltageSource
from circuits.networks.powered import delay_of, powered_up
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.neurons.presets import PRESETS
from conductance.stimulus import Stimulus
from netlists.analyses import Tolerances, Transient
from netlists.comparison import upward_crossings
from netlists.simulation import solve

GENERIC = technology("generic_180nm")
UNITS = GENERIC.scaling()
UNIT = UNITS.time_unit
TONIC = PRESETS["tonic"]
TOLERANCES = Tolerances.scaled(
    voltage_unit=UNITS.voltage_unit,
    current_unit=UNITS.current_unit,
    capacitance=UNITS.capacitance,
    relative=1e-4,
)


def circuit(stimulus=TONIC.stimulus, level="transistor"):
    neuron = TONIC.neuron
    built = realise(neuron, level, technology=GENERIC, scaling=UNITS) if level else None
    return neuron_circuit(neuron, stimulus, scaling=UNITS, start=TONIC.start, realisation=built)


def intervals(of, stop=200.0):
    """Between spikes, in tau_m."""
    found = solve(of, Transient(stop=stop * UNIT, max_step=0.2 * UNIT), TOLERANCES).require()
    voltage = found["voltage"].sel(node="um").to_numpy()[:, None] / UNITS.voltage_unit
    (spikes,) = upward_crossings(found["time"].to_numpy() / UNIT, voltage, threshold=0.0)
    return np.diff(spikes)


@pytest.mark.slow
@pytest.mark.simulator
def test_a_neuron_that_is_switched_on_fires_as_one_that_was_started():
    """The last intervals of both are those of one limit cycle, within 1 %."""
    started = intervals(circuit())
    switched = intervals(powered_up(circuit(), rise=5 * UNIT, settle=5 * UNIT))
    assert len(switched) >= 3
    assert switched[-2:] == pytest.approx(np.full(2, started[-1]), rel=0.01)


def test_supplies_rise_and_inputs_come_after():
    """From zero to their voltage within the rise, every node at zero before; an input's changes are later by both."""
    given = circuit(Stimulus((0.0, 10.0), (-1.0, -0.5)))
    made = powered_up(given, rise=2 * UNIT, settle=3 * UNIT)
    sources = {device.name: device for device in made.devices if isinstance(device, VoltageSource)}
    times, values = sources["v_vdd"].waveform.corners()
    assert times == pytest.approx([0.0, UNIT, 3 * UNIT]) and values.tolist() == [0.0, 0.0, 0.9]
    assert sources["v_vss"].waveform.values == (0.0, -0.9)
    (held,) = [d.waveform for d in made.devices if isinstance(d.waveform if hasattr(d, "waveform") else 0, HeldWaveform)
               and d.name == "i_in"]  # fmt: skip
    assert held.times == pytest.approx((0.0, 10 * UNIT + delay_of(2 * UNIT, 3 * UNIT)))
    assert set(made.initial) == set(given.initial) and set(made.initial.values()) == {0.0}


def test_what_cannot_be_switched_on_is_refused():
    """Durations that are none, and a circuit of sources that has no supply."""
    with pytest.raises(CircuitError, match=r"rise = 0 s .* must be greater than zero"):
        powered_up(circuit(), rise=0, settle=UNIT)
    with pytest.raises(
        CircuitError, match=r"no constant supply at vdd or vss to rise; .* take level macromodel"
    ):
        powered_up(circuit(level=None), rise=UNIT, settle=UNIT)
    twice = powered_up(circuit(), rise=UNIT, settle=UNIT)
    with pytest.raises(CircuitError, match="no constant supply"):
        powered_up(replace(twice), rise=UNIT, settle=UNIT)
