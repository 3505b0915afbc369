"""Neurons with events in ngspice: comparator, reset and arrivals against closed forms and the tight integrator."""

import numpy as np
import pytest
from scipy.integrate import quad

from circuits.data.amplifier import AmplifierModel
from circuits.data.circuit import Circuit, CircuitError, HeldWaveform, Resistor, Switch, VoltageSource
from circuits.data.pulses import pulse_train
from circuits.data.scaling import Scaling
from circuits.measures.bias import bias_table
from circuits.networks.single import neuron_circuit
from circuits.realisations import Trim, realise
from circuits.technologies import technology
from conductance.events import synaptic_lif, theta
from conductance.neurons import lif, mtc, qif
from conductance.shaping.integrate import integrate
from conductance.stimulus import Arrivals, Stimulus
from netlists.analyses import Tolerances, Transient
from netlists.comparison.crossings import upward_crossings
from netlists.simulation import simulate
from netlists.writing import write_netlist

SCALING = Scaling(voltage_unit=0.07, current_unit=2e-9, capacitance=3e-12)
MAX_STEP = 0.02
"""In tau_m: less than a hundredth of the shortest interval here."""


def simulated(neuron, stop, *, stimulus=None, arrivals=None, realisation=None, scaling=SCALING):
    """Time in tau_m, output in V0 and spike times of the neuron's circuit."""
    circuit = neuron_circuit(
        neuron, stimulus or Stimulus.constant(0.0), scaling=scaling, arrivals=arrivals, name="spiking",
        realisation=realisation,
    )  # fmt: skip
    unit = scaling.time_unit
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance,
        relative=1e-6, charge=1e-2,
    )  # fmt: skip
    analysis = Transient(stop=stop * unit, max_step=MAX_STEP * unit)
    waveforms = simulate(write_netlist(circuit, analysis, tolerances)).require()
    time = waveforms["time"].to_numpy() / unit
    out = waveforms["voltage"].sel(node="out").to_numpy() / scaling.voltage_unit
    return time, out, upward_crossings(time, out, threshold=out.max() / 2, hysteresis=0.0)[0]


@pytest.mark.simulator
@pytest.mark.parametrize(("drive", "peak"), [(1.0, 10.0), (5.0, 10.0), (1.0, 50.0)])
def test_qif_has_the_period_of_its_equation(drive, peak):
    """Between reset and peak +-V_p, tau dV/dt = V (V - 1) + I takes the integral of dV over the right side: 0.3 %."""
    _, _, spikes = simulated(theta(I_0=drive, V_peak=peak), 12.0)
    period, _ = quad(lambda v: 1 / (v * (v - 1) + drive), -peak, peak, epsabs=1e-12, limit=200)
    assert len(spikes) > 2
    assert np.diff(spikes) == pytest.approx(period, rel=0.003)


@pytest.mark.simulator
def test_a_finite_peak_shortens_the_interval_as_derived():
    """Against the ideal pi tau/sqrt(I - 1/4), each interval is shorter by tau ln((V_p + 1)/(V_p - 1)) = 0.20 at 10."""
    _, _, spikes = simulated(theta(V_peak=10.0), 12.0)
    shorter = np.pi / np.sqrt(0.75) - np.diff(spikes)
    assert shorter == pytest.approx(np.log(11 / 9), rel=0.02)


@pytest.mark.simulator
@pytest.mark.parametrize("current", [1.2, 3.0, 50.0])
def test_lif_has_the_period_of_its_equation(current):
    """tau_m ln((R I - U_rest)/(R I - theta)) within 0.3 %, also at a current that would latch a weak reset."""
    neuron = lif(tau_m=1.5).with_values(R=2.0, theta=0.8)
    period = 1.5 * np.log(2 * current / (2 * current - 0.8))
    _, _, spikes = simulated(neuron, 20 * period, stimulus=Stimulus.constant(current))
    assert len(spikes) > 15
    # the discharge itself takes up to 3e-4 tau_m
    assert np.diff(spikes).mean() == pytest.approx(period, rel=0.003, abs=4e-4)


@pytest.mark.simulator
@pytest.mark.parametrize("neuron", [qif(V_peak=10.0), synaptic_lif()], ids=lambda neuron: neuron.name)
def test_charges_arrive_as_declared(neuron):
    """Input spikes of both signs, two of them overlapping: spikes at the integrator's times.

    A discharge of 3e-4 tau delays each further spike of a fading current, by 0.006 tau after five of them.
    """
    arrivals = Arrivals((0.2, 0.5, 0.505, 1.5, 2.2), (8.0, 6.0, 3.0, -2.0, 16.0))
    _, _, spikes = simulated(neuron, 4.0, arrivals=arrivals)
    expected = integrate(neuron, Stimulus.constant(0.0), 4.0, arrivals=arrivals).spikes
    assert len(expected) > 1
    assert spikes == pytest.approx(expected, abs=0.01)


@pytest.mark.simulator
def test_a_spike_is_one_unit_of_area():
    """Whatever membrane and current, the output's integral over tau_m is one V0 per spike, within 0.5 %."""
    for neuron, current in ((lif(tau_m=2.0), 1.5), (theta(I_0=3.0, V_peak=10.0), 0.0)):
        time, out, spikes = simulated(neuron, 8.0, stimulus=Stimulus.constant(current))
        assert np.trapezoid(out, time) == pytest.approx(len(spikes), rel=0.005)


def of_amplifiers(neuron, stop, tech, *, current=0.0, ideal=(), trims=None):
    """Mean interval of the neuron made of amplifier macromodels."""
    built = realise(neuron, "macromodel", technology=tech, ideal=ideal, trims=trims)
    _, _, spikes = simulated(
        neuron, stop, stimulus=Stimulus.constant(current), realisation=built, scaling=tech.scaling()
    )
    assert len(spikes) > 2
    return np.diff(spikes).mean()


@pytest.mark.simulator
@pytest.mark.parametrize(
    ("tech", "ideal", "tolerance"), [("ideal", (), 0.003), ("generic_180nm", ("f_minus",), 0.025)]
)
def test_qif_of_amplifiers_has_the_period_of_its_equation(tech, ideal, tolerance):
    """Parabola of pairs, comparator of an amplifier: 0.3 % where they are perfect.

    Real ones of the generic technology cannot make the parabola, where 137 I0 of bias currents cancel to 1, but
    comparator and reset of them add less than 2.5 %: the comparator's gate is 1.7 % of the membrane's 1 pF.
    """
    period, _ = quad(lambda v: 1 / (v * (v - 1) + 1), -10, 10, epsabs=1e-12)
    measured = of_amplifiers(theta(V_peak=10.0), 11.0, technology(tech), ideal=ideal)
    assert measured == pytest.approx(period, rel=tolerance)


@pytest.mark.simulator
def test_lif_of_amplifiers_and_its_trims():
    """ln 3 within 1.5 % at I = 1.5; an offset of 5 mV is seen, and its trim takes it away again."""
    ideal = technology("ideal")
    faulty = ideal.model_copy(update={"amplifier": AmplifierModel(offset=5e-3)})
    perfect, trimmed, untrimmed = (
        of_amplifiers(lif(), 5.0, tech, current=1.5, trims=trims)
        for tech, trims in ((ideal, None), (faulty, {"amplifier": Trim(offset=5e-3)}), (faulty, None))
    )
    assert perfect == pytest.approx(np.log(3), rel=0.015)
    assert trimmed == pytest.approx(perfect, rel=0.01)
    assert untrimmed != pytest.approx(perfect, rel=0.03)


@pytest.mark.simulator
def test_a_switch_remembers():
    """Up a ramp it closes above `on_above`, down it opens below `off_below`; between the two it stays as it was."""
    ramp = HeldWaveform(times=(0.0, 1.0), values=(-1.0, 1.0), edge=0.999)
    back = HeldWaveform(times=(0.0, 2.0), values=(0.0, -2.0), edge=0.999)
    circuit = Circuit(
        name="switch", probes=("ramp", "out"),
        devices=(
            VoltageSource(name="v_up", positive="ramp", negative="back", waveform=ramp),
            VoltageSource(name="v_down", positive="back", negative="0", waveform=back),
            VoltageSource(name="v_supply", positive="supply", negative="0", waveform=1.0),
            Switch(
                name="s", positive="supply", negative="out", sense_positive="ramp", sense_negative="0",
                on_above=0.6, off_below=-0.3, on_resistance=1.0, off_resistance=1e9,
            ),
            Resistor(name="r_load", positive="out", negative="0", resistance=1e3),
        ),
    )  # fmt: skip
    tolerances = Tolerances(relative=1e-4, current=1e-12, voltage=1e-6, charge=1e-15)
    waveforms = simulate(write_netlist(circuit, Transient(stop=3.0, max_step=0.01), tolerances)).require()
    ramp, out = (waveforms["voltage"].sel(node=node).to_numpy() for node in ("ramp", "out"))
    closed = out > 0.5
    assert ramp[np.flatnonzero(closed)[0]] == pytest.approx(0.6, abs=0.03)
    assert ramp[np.flatnonzero(closed)[-1]] == pytest.approx(-0.3, abs=0.03)
    assert out[closed] == pytest.approx(1.0, abs=0.01)


def test_pulses_add_up_and_keep_their_areas():
    """The integral is the sum of the areas, the middle of a lone pulse its time, and overlap only adds."""
    waveform = pulse_train([0.0, 1.0, 1.004, 2.0], [1.0, 2.0, -3.0, 4.0], scaling=SCALING)
    time, value = waveform.corners()
    time = np.append(time, 5 * SCALING.time_unit) / SCALING.time_unit
    value = np.append(value, value[-1])
    assert np.trapezoid(value, time) == pytest.approx(4.0)
    late = time > 1.5
    middle = np.trapezoid(value[late] * time[late], time[late]) / np.trapezoid(value[late], time[late])
    assert middle == pytest.approx(2.0, abs=1e-4)
    assert value[-1] == 0


@pytest.mark.parametrize(
    ("times", "areas", "message"),
    [([-1.0], [1.0], "negative"), ([1.0, 0.5], [1.0, 1.0], "decrease"), ([1.0], [1.0, 2.0], "one area per time")],
)  # fmt: skip
def test_pulses_refuse_what_is_no_train(times, areas, message):
    """The error says what is wrong with the times or areas."""
    with pytest.raises(CircuitError, match=message):
        pulse_train(times, areas, scaling=SCALING)


def test_arrivals_need_a_neuron_that_declares_them():
    """An MTC neuron is driven by its stimulus."""
    with pytest.raises(CircuitError, match="neuron mtc: it declares no arrivals"):
        neuron_circuit(mtc(), Stimulus.constant(0.0), scaling=SCALING, arrivals=Arrivals((1.0,), (1.0,)))


def test_a_switch_checks_itself():
    """Resistances are positive, and it opens below where it closes."""
    fields = {
        "name": "s", "positive": "a", "negative": "b", "sense_positive": "a", "sense_negative": "0",
        "on_above": 1.0, "off_below": 0.0, "on_resistance": 1.0, "off_resistance": 1e6,
    }  # fmt: skip
    for wrong in ({"on_resistance": 0.0}, {"off_below": 1.0}):
        with pytest.raises(CircuitError, match=f"Switch s.*{next(iter(wrong))}"):
            Switch(**{**fields, **wrong})


def test_the_bias_table_has_the_reset():
    """Switch and sense resistor are listed with their resistances."""
    rows = {
        row.path: row for row in bias_table(neuron_circuit(qif(), Stimulus.constant(0.0), scaling=SCALING))
    }
    assert rows["xn.s_reset"].resistance == rows["xn.r_sense"].resistance == pytest.approx(5e-5 * 0.07 / 2e-9)
