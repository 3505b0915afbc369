"""Circuits where they do not work are refused or warned of, and what is ignored elsewhere is said."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import pytest

from circuits.calibration.working import NotWorking, check_working
from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.realisations import realise, recognised
from circuits.technologies import technology
from conductance.neurons import mtc
from conductance.neurons.presets import PRESETS
from excitable.checks.levels import with_limits
from excitable.checks.neuron import check_circuit
from excitable.config.circuit import CircuitSection
from excitable.ladder.calibration import fit_level

GENERIC = technology("generic_180nm")
NEURON = mtc(filter_limit=1.0)


def fitted(made_of, *, current_unit=1e-9, capacitance=1e-12):
    units = replace(made_of.scaling(), current_unit=current_unit, capacitance=capacitance)
    biases = recognised(NEURON).bias_currents(units)
    return fit_level("transistor", made_of, biases, NEURON, units)


@pytest.mark.simulator
def test_nominal_conditions_pass_in_silence():
    """27 and 85 degrees, 1.8 V and 10 % less, 1 nA and 10 nA: no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(GENERIC)
        fitted(GENERIC.at(temperature=85.0))
        fitted(GENERIC.at(supply=1.62))
        fitted(GENERIC, current_unit=1e-8, capacitance=1e-11)


@pytest.mark.simulator
def test_heat_is_warned_of():
    """At 150 degrees a silent synapse passes more than 4 % of I0: a warning that names the place and the cure."""
    with pytest.warns(
        UserWarning, match=r"generic_180nm at corner tt, 150 degrees.*silent synapse.*less heat"
    ):
        fitted(GENERIC.at(temperature=150.0))


@pytest.mark.simulator
@pytest.mark.parametrize(
    ("made_of", "units", "match"),
    [
        (GENERIC.at(supply=0.8), {}, r"0.8 V.*does not work.*membrane.*larger supply"),
        (GENERIC, {"current_unit": 1e-11}, r"1e-11 A.*does not work.*silent synapse.*larger current_unit"),
        (GENERIC, {"current_unit": 1e-15}, r"never changes sign; check supply, bias current"),
    ],
)
def test_what_cannot_work_is_refused(made_of, units, match):
    """No room at 0.8 V, currents below the leakage: an error, not a run."""
    with pytest.raises(CircuitError, match=match):
        fitted(made_of, **units)


def test_not_working_is_an_error_of_the_circuit():
    assert issubclass(NotWorking, CircuitError)


@pytest.mark.parametrize("level", ["macromodel", "transistor"])
def test_a_voltage_unit_that_no_pair_has_is_refused(level):
    """200 mV: pairs have 2 n U_T; the technology's own and the design's unit at another temperature pass."""
    with pytest.raises(CircuitError, match=r"voltage_unit = 0.2 V.*0.0693 V"):
        realise(NEURON, level, technology=GENERIC, scaling=Scaling(voltage_unit=0.2))
    realise(NEURON, level, technology=GENERIC.at(temperature=125.0), scaling=GENERIC.scaling())
    realise(NEURON, "behavioural", scaling=Scaling(voltage_unit=0.2))


@pytest.mark.parametrize("section", [{"level": "transistor"}, {"level": ["behavioural", "macromodel"]},
                                     {"level": "mixed", "mixed": {"hidden_0": "transistor"}}])  # fmt: skip
def test_a_stated_voltage_unit_is_not_ignored(section):
    """In a configuration it is refused where amplifiers have another one, and kept where there are none."""
    with pytest.raises(ValueError, match=r"voltage_unit = 0.1 V.*0.0693 V; leave it out"):
        CircuitSection.model_validate({"voltage_unit": 0.1, **section})
    assert CircuitSection.model_validate({"voltage_unit": 0.0693, **section}).voltage_unit == 0.0693
    assert CircuitSection.model_validate({"voltage_unit": 0.1}).voltage_unit == 0.1
    # what is written out states the default, too
    assert CircuitSection.model_validate({"voltage_unit": Scaling.voltage_unit, **section})


@pytest.mark.simulator
def test_transistors_are_calibrated_before_they_are_checked():
    """Bursts: no spike is missing, and voltages differ by less than half of those of raw amplifiers."""
    known = with_limits(PRESETS["bursting"], filter_limit=1.0)
    trimmed, raw = (
        check_circuit(
            known.neuron, known.stimulus, 400.0, start=known.start, level="transistor", technology=GENERIC,
            calibrate=calibrate,
        )
        for calibrate in (True, False)
    )  # fmt: skip
    (mine,), (other,) = trimmed.comparison.neurons, raw.comparison.neurons
    assert mine.missing == mine.extra == 0
    assert mine.rms_v0 < 0.5 * other.rms_v0


def test_each_limit_warns_before_it_refuses():
    """The larger floor of both signs counts; 5 % are warned of, 30 % are refused, 1 % says nothing."""

    def found(residual=0.0, excitatory=0.0, inhibitory=0.0):
        output = SimpleNamespace(excitatory_floor=excitatory, inhibitory_floor=inhibitory)
        swept = [SimpleNamespace(residual=0.0), SimpleNamespace(residual=residual)]
        return check_working(swept, None, output, technology=GENERIC, smallest=1e-9)

    assert found(0.01, 0.01, -0.01) == ()
    for floors in ({"excitatory": 0.05}, {"inhibitory": -0.05}):
        (said,) = found(**floors)
        assert "silent synapse" in said and "is 5.0%, and 4% is allowed" in said
    (said,) = found(residual=0.05)
    assert "deviation of an amplifier" in said and "and 3% is allowed" in said
    with pytest.raises(NotWorking, match=r"is 30\.0%, and 20% is allowed"):
        found(inhibitory=-0.3)
