"""Checks hold the circuit to what was trained: the time step is told first where it dominates, the decision last."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from report_examples import TASK, network_of, rungs_of

from circuits.data.circuit import CircuitError
from conductance.elements import tanh
from conductance.events import EventLayer, EventNetwork, Spikes
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import mtc, qif
from conductance.neurons.presets import PRESETS
from conductance.stimulus import Stimulus
from excitable.checks.decisions import aim_of, judged
from excitable.checks.events import check_events
from excitable.checks.network import NetworkCheck, check_network
from excitable.checks.neuron import check_circuit
from excitable.checks.regression import CircuitDiffers, assert_circuit_matches
from excitable.cli.compare import show
from excitable.ladder.decisions import DecidingRung, DecidingStep, DecisionLadder
from excitable.ladder.rungs import Waveforms, continuous_rung, discrete_rung
from excitable.ladder.series import ladder
from excitable.ladder.steps import _noticed

TONIC = (tanh("fast", -2.0), tanh("slow", 2.0))
DT = 0.2


def classifier(neurons, inputs):
    """2 inputs, tonic neurons, 3 classes. Of the last step's activities a readout makes the labels 0, 1, 2 of three
    trials; where these neurons' equation has other ones, it makes the labels 1, 1, 0 of those.
    """
    random = torch.Generator().manual_seed(3)
    network = Network(
        {
            "encoder": Projection(2, neurons, generator=random),
            "hidden": NeuronLayer(mtc(TONIC), neurons, dt=DT),
            "readout": Projection(neurons, 3),
        }
    )
    with torch.no_grad():
        network.chain["encoder"].weight.mul_(0.3)
        network.chain["encoder"].bias.copy_(0.4 * torch.rand(neurons, generator=random) - 0.8)
        rungs = [rung(network, trial, dt=DT) for rung in (discrete_rung, continuous_rung) for trial in inputs]
        # the default output of mtc: 0 below 0, 1 above 1 V0
        active = np.array([np.clip(rung.membrane[-1], 0, 1) for rung in rungs])
        wanted = np.eye(3)[[0, 1, 2, 1, 1, 0]]
        solved, *_ = np.linalg.lstsq(np.hstack([active, np.ones((6, 1))]), wanted, rcond=None)
        network.chain["readout"].weight.copy_(torch.tensor(solved[:-1].T))
        network.chain["readout"].bias.copy_(torch.tensor(solved[-1]))
    return network


def held(neurons, steps):
    """Three trials of one held pair of inputs each."""
    values = np.random.default_rng(1).normal(size=(1, 3, 2))
    inputs = np.repeat(values, steps, axis=0)
    return classifier(neurons, list(inputs.swapaxes(0, 1))), inputs


@pytest.fixture(scope="module")
def small():
    """12 neurons over 60 tau_m, checked with their labels."""
    network, inputs = held(12, 300)
    return network, inputs, check_network(network, inputs, labels=[0, 1, 2], decision="last")


@pytest.mark.simulator
def test_a_time_step_that_dominates_is_said_first_and_the_decisions_last(small):
    """Circuit and equation agree to 1e-4, the trained model chooses another class in 2 of 3 trials."""
    _, _, check = small
    first, *_, last = str(check).splitlines()
    assert first.startswith("The time step dominates: the model in steps of dt = 0.2")
    assert "smaller dt" in first and "in the loop" in first
    assert last.startswith(
        "Decisions: model and circuit choose another class in 2 of 3 trials (trial 0: 0 and 1"
    )
    assert "model 0, equation 0.667, circuit 0.667" in last
    assert check.judged.differing == (0, 2)
    assert check.compared("equation").worst_rms_v0 < 1e-4 < 0.01 < check.comparison.worst_rms_v0


@pytest.mark.simulator
def test_the_first_rung_is_the_network_s_own_forward_pass(small):
    """What the check calls the model is what torch computes, but for the kernels' tanh (3e-7), which weights of 100
    magnify; it decides as the network itself does.
    """
    network, inputs, check = small
    with torch.no_grad():
        output, _ = network(torch.as_tensor(inputs, dtype=torch.float32))
    found = check.model.output[1:].reshape(len(inputs), 3, 3)
    assert found == pytest.approx(output.double().numpy(), abs=1e-3)
    assert output[-1].argmax(1).tolist() == check.judged.classes["discrete"].tolist() == [0, 1, 2]
    assert check.model.neurons[12] == "trial_1/hidden_0"


@pytest.mark.simulator
def test_an_assertion_fails_on_what_was_trained_and_passes_on_the_equation(small):
    """The netlist alone is right; the circuit is not the trained classifier, and the message begins with the cause."""
    network, inputs, _ = small
    with pytest.raises(
        CircuitDiffers, match=r"^network, behavioural level: The time step dominates.*Decisions:"
    ):
        assert_circuit_matches(network, inputs[:, :1], labels=[0], decision="last", tolerance=0.02)
    assert_circuit_matches(network, inputs[:, 1:2], labels=[1], tolerance=0.02, against="equation")


@pytest.mark.slow
@pytest.mark.simulator
def test_the_classifier_of_24_neurons():
    """2 x 24 at dt = 0.2 over 60 tau_m: the circuit has every spike of the equation, and two other decisions."""
    network, inputs = held(24, 300)
    check = check_network(network, inputs, labels=[0, 1, 2], decision="last")
    assert check.compared("equation").missing == check.compared("equation").extra == 0
    first, *_, last = str(check).splitlines()
    assert first.startswith("The time step dominates") and "in 2 of 3 trials" in last


@pytest.mark.parametrize(
    ("missing", "extra", "noticed"), [(0, 0, False), (1, 0, True), (0, 1, True), (2, 3, True)]
)
def test_a_spike_too_many_is_of_account_as_one_too_few(missing, extra, noticed):
    """With waveforms and errors that are the same, spikes alone decide whether the time step is spoken of."""
    step = SimpleNamespace(
        missing=missing, extra=extra, neurons=[SimpleNamespace(rms_v0=1e-3, nrmse=1e-3)], reference="discrete",
        candidate="continuous",
    )  # fmt: skip
    rungs = [SimpleNamespace(name=name, task_error=0.2) for name in ("discrete", "continuous")]
    assert _noticed(SimpleNamespace(rungs=rungs), step) == noticed


def test_the_output_that_a_model_has_not_yet_is_not_held_against_it():
    """A model's output begins with its first step; that of the equation counts from its first point."""
    time = np.arange(6.0)
    wanted = np.sin(time)[:, None]
    absent = wanted.copy()
    absent[0] = 100.0

    def rung(name, output):
        return Waveforms(rung=name, time=time, membrane=wanted, output=output, neurons=("one",))

    check = NetworkCheck(
        model=rung("discrete", absent), equation=rung("continuous", absent), circuit=rung("behavioural", wanted),
        ladder=None, judged=None,
    )  # fmt: skip
    assert check.output_error("model").rms.max() == pytest.approx(0.0, abs=1e-12)
    assert check.output_error("equation").rms.max() > 10


def regression(dt, method=None):
    """One tonic neuron, its output filtered by the readout alone."""
    network = Network(
        {
            "encoder": Projection(1, 1),
            "hidden": NeuronLayer(mtc(TONIC), 1, dt=dt, method=method),
            "readout": Projection(1, 1),
        }
    )
    with torch.no_grad():
        for name, value in (("encoder", 1.0), ("readout", 2.0)):
            network.chain[name].weight.fill_(value)
            network.chain[name].bias.zero_()
    return network


@pytest.mark.simulator
def test_a_regression_ends_with_the_error_of_each_rung():
    """Targets are the model's own outputs: its nrmse is 0, that of equation and circuit what dt does to them."""
    network, inputs = regression(0.2), np.full((400, 1), -0.7)
    targets = discrete_rung(network, inputs, dt=0.2).output[1:]
    check = check_network(network, inputs, targets=targets)
    *_, last = str(check).splitlines()
    assert last.startswith("Task error (nrmse): model 0, equation ")
    errors = check.judged.errors
    assert (
        errors["continuous"] == pytest.approx(errors["behavioural"], rel=0.01) and errors["continuous"] > 0.01
    )
    assert str(check).startswith("The time step dominates")
    assert (
        check.ladder.rungs[0].task_error == 0
        and check.ladder.task_error_change("continuous", "behavioural") < 1e-3
    )


@pytest.mark.simulator
def test_a_small_step_cries_no_wolf():
    """Heun at 0.05: the time step makes nearly all of a difference that no one would notice; it is not said."""
    network = regression(0.05, "heun")
    check = check_network(network, np.full((1200, 1), -0.7))
    rms = [one.worst_rms_v0 for one in check.ladder.adjacent]
    assert rms[0] > 10 * rms[1]
    assert check.dominance == "" and "dominates" not in str(check)
    assert (
        str(check).splitlines()[-1].startswith("The circuit's outputs differ from the model's by up to 0.0")
    )
    assert assert_circuit_matches(network, np.full((1200, 1), -0.7), tolerance=0.02).comparison.matched >= 1


@pytest.mark.simulator
def test_amplifiers_that_dominate_are_not_blamed_on_the_step():
    """Transistor-like amplifiers change more than dt does: the text names no time step."""
    network = regression(0.05, "heun")
    check = check_network(network, np.full((400, 1), -0.7), level="macromodel", trims={})
    assert "time step dominates" not in str(check)


@pytest.mark.simulator
def test_a_neuron_s_layer_is_the_first_rung_where_its_step_is_given():
    """Bursts at dt = 0.2 drift from equation and circuit; those of Heun at 0.02 do not."""
    preset = PRESETS["bursting"]
    given = {"start": preset.start, "stop": 300}
    coarse = check_circuit(preset.neuron, preset.stimulus, dt=0.2, **given)
    first, *_, last = str(coarse).splitlines()
    assert first.startswith("The time step dominates: the model in steps of dt = 0.2")
    assert "layer with dt = 0.2" in last and coarse.compared("model").worst_rms_v0 > 0.1
    assert coarse.comparison.worst_rms_v0 < 0.01
    fine = check_circuit(preset.neuron, preset.stimulus, dt=0.02, method="heun", **given)
    assert "dominates" not in str(fine) and fine.compared("model").worst_rms_v0 < 0.02
    alone = check_circuit(preset.neuron, preset.stimulus, **given)
    assert str(alone).startswith("equation ") and alone.compared("model") == alone.comparison
    with pytest.raises(CircuitDiffers, match=r"^neuron .*: The time step dominates"):
        assert_circuit_matches(preset.neuron, preset.stimulus, dt=0.2, **given)


def test_a_stimulus_that_changes_within_a_step_is_refused():
    """A layer holds its input for whole steps: 2.05 is none of 0.2, and 0.6 is, however it is rounded."""
    with pytest.raises(CircuitError, match=r"changes at 2\.05 tau_m, within a step of dt = 0\.2"):
        check_circuit(mtc(()), Stimulus.pulse(0.5, start=2.05, duration=1.0), 4.0, dt=0.2)


@pytest.mark.simulator
def test_the_layer_of_a_leak_is_its_map():
    """Forward Euler of an RC: U_k = I (1 - (1 - dt)^k), a pulse at 3 x 0.2 included."""
    check = check_circuit(
        mtc(()), Stimulus.step(0.0, 1.0, at=0.2 + 0.2 + 0.2), 4.0, dt=0.2, method="forward_euler"
    )
    times, voltages = check.steps
    assert voltages == pytest.approx(1 - 0.8 ** np.clip(np.arange(len(times)) - 3, 0, None), abs=1e-6)


def events(peak, seed=0):
    """3 inputs, 4 hidden and 2 output QIF neurons with a peak."""
    random = torch.Generator().manual_seed(seed)
    shape = {"mean": torch.tensor(9.0, dtype=torch.float64), "spread": 10.0, "generator": random}
    neuron = qif(V_peak=peak)
    return EventNetwork(
        {"hidden": EventLayer(neuron, 3, 4, **shape), "output": EventLayer(neuron, 4, 2, **shape)}
    ).double()


@pytest.mark.simulator
@pytest.mark.filterwarnings("ignore::conductance.derivation.moebius.PeakWarning")
def test_an_event_network_is_held_to_the_exact_model():
    """A peak of 10 shortens each interval by up to 0.2 tau: that dominates and is told first, the classes last."""
    spikes = Spikes.of_latencies(
        torch.tensor([(0.3, 1.0, 1.6), (1.2, 0.4, torch.inf)], dtype=torch.float64), end=4.0
    )
    check = check_events(events(10.0), spikes, labels=[0, 1])
    first, *_, last = str(check).splitlines()
    assert first.startswith("The finite peak and reset dominate") and "V_peak" in first
    assert last.startswith("Decisions: model and circuit choose another class in ") and "of 2 trials" in last
    assert (
        check.comparisons["model", "equation"].median_error
        > 10 * check.comparisons["equation", "circuit"].median_error
    )
    assert_circuit_matches(events(10.0), spikes, against="equation", tolerance=0.02)
    with pytest.raises(
        CircuitDiffers, match="event network, behavioural level: The finite peak and reset dominate"
    ):
        assert_circuit_matches(events(10.0), spikes, tolerance=0.02)


def test_what_the_outputs_are_for_is_checked():
    """Labels of another number, targets of another shape, both at once, a mask that counts nothing."""
    given = {"labels": None, "targets": None, "mask": None, "decision": None}
    for wrong, words in (
        ({"labels": [0, 1]}, "for each of 3 trials"),
        ({"labels": [0, 1, 5]}, "from 0 to 1"),
        ({"labels": [0, 1, 1], "targets": np.zeros((4, 3, 2))}, "not both"),
        ({"targets": np.zeros((4, 2))}, r"\(4, 3, 2\)"),
        ({"mask": np.zeros((4, 3))}, "at least once"),
        ({"targets": np.zeros((4, 3, 2)), "decision": "last"}, "makes classes"),
        ({"targets": np.full((4, 3, 2), np.nan)}, "targets are nan at step 0, trial 0, feature 0"),
        ({"targets": "a"}, "targets are 'a'; give an array of numbers"),
    ):
        with pytest.raises(CircuitError, match=words):
            aim_of(4, 3, 2, **{**given, **wrong})


def test_inputs_and_targets_that_are_missing_are_named_by_their_place():
    """What is not finite is refused before anything is simulated; where targets do not count it may be."""
    network, series = network_of("mtc"), np.zeros((6, 1))
    series[2] = np.nan
    with pytest.raises(CircuitError, match="inputs are nan at step 2, trial 0, feature 0"):
        check_network(network, series)
    with pytest.raises(CircuitError, match="inputs are 'abc'; give an array of numbers"):
        check_network(network, "abc")
    targets = np.zeros((4, 1, 2))
    targets[1] = np.nan
    mask = np.array([True, False, True, True])
    given = {"labels": None, "decision": None, "targets": targets}
    assert aim_of(4, 1, 2, mask=mask, **given).targets is not None
    with pytest.raises(CircuitError, match=r"targets are nan at step 1, .*fill what is missing, or leave it"):
        aim_of(4, 1, 2, mask=None, **given)


def test_compare_prints_what_dominates_first_and_the_task_last(capsys):
    """The tables of `excitable compare` stand between the two, with the whole way as the last step."""
    network, data = network_of("mtc"), TASK.generate(0)
    show(ladder(network, rungs_of(network, data, delay=0.002), data.held_out, TASK, dt=0.2))
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("The time step dominates: the model in steps of dt = 0.2 tau_m")
    assert said.count("discrete ->") == 2
    assert said.split("Task error (")[1].startswith(f"{TASK.error_name}): model ")
    show(ladder(network, rungs_of(network, data, delay=3.0), data.held_out, TASK, dt=0.2))
    assert "dominates" not in capsys.readouterr().out


def test_compare_of_a_network_that_decides_ends_with_the_classes(capsys):
    """Of 8 samples model and circuit decide 2 differently."""
    rungs = tuple(
        DecidingRung(name=name, meaning="", accuracy=right, numbers={"spikes": 1.0})
        for name, right in (("model", 1.0), ("behavioural", 0.75))
    )
    step = DecidingStep(reference="model", candidate="behavioural", same_class=0.75, numbers={"matched": 1.0})
    show(DecisionLadder(kind="events", samples=8, rungs=rungs, steps=(step,)))
    last = " ".join(capsys.readouterr().out.split()).split("matched")[-1]
    assert "model and behavioural choose another class in 2 of 8 samples; accuracy 100.0% and 75.0%." in last


def test_decisions_that_differ_are_those_of_the_first_and_the_last_rung():
    """Whatever a rung between them decides."""

    def outputs(*classes):
        return [np.eye(2)[[chosen] * 3] for chosen in classes]

    aim = aim_of(3, 3, 2, labels=None, targets=None, mask=None, decision="mean")
    found = judged(
        aim, {"discrete": outputs(0, 0, 1), "continuous": outputs(1, 0, 1), "behavioural": outputs(0, 1, 1)}
    )
    assert found.differing == (1,)
