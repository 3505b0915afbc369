"""Waveform errors and the ladder: what each rung costs, stored in a documented form."""

import dataclasses
import json
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists.comparison import ComparisonError, Ladder, Rung, compare, schema, waveform_error

TIME = np.linspace(0, 40, 2001)


def rung(name, *, time=TIME, delay=0.0, gain=1.0, offset=0.0, task_error=None):
    """Two neurons of different period, delayed, scaled and shifted."""
    voltage = gain * np.stack([-np.cos(2 * np.pi * (time - delay) / p) for p in (4.0, 8.0)], axis=1) + offset
    return Rung(name=name, time=time, voltage=voltage, neurons=("a", "b"), task_error=task_error)


@pytest.fixture
def ladder():
    return compare(
        [
            rung("model", task_error=0.40),
            rung("continuous", delay=0.1, task_error=0.41),
            rung("netlist", time=np.linspace(0, 40, 777), delay=0.15, task_error=0.42),
        ],
        window=1.0,
        step=0.2,
    )


def test_a_constant_offset_is_its_own_rms():
    """An offset d gives rms d; on a sine of amplitude A its normalised error is d sqrt(2) / A."""
    values = 3 * np.sin(2 * np.pi * TIME / 4)
    error = waveform_error(TIME, values, TIME, values + 0.6)
    assert error.rms == pytest.approx(0.6)
    assert error.normalised == pytest.approx(0.6 * math.sqrt(2) / 3, rel=1e-3)
    assert error.spread == pytest.approx(3 / math.sqrt(2), rel=1e-3)


def test_a_small_delay_costs_its_slope():
    """Delaying a sine of period P by d gives a normalised error of 2 sin(pi d / P)."""
    sine = lambda t: np.sin(2 * np.pi * t / 4)  # noqa: E731
    error = waveform_error(TIME, sine(TIME), TIME, sine(TIME - 0.1))
    assert error.normalised == pytest.approx(2 * math.sin(math.pi * 0.1 / 4), rel=1e-3)


def test_neurons_are_judged_apart():
    """The error of each neuron is in its own place."""
    reference = np.stack([np.sin(TIME), 5 * np.sin(TIME), np.sin(TIME)], axis=1)
    error = waveform_error(TIME, reference, TIME, reference + np.array([0.0, 0.5, 0.1]))
    np.testing.assert_allclose(error.rms, [0, 0.5, 0.1], atol=1e-12)
    assert error.normalised[1] == pytest.approx(error.normalised[2])


def test_crowded_samples_weigh_no_more_than_their_time():
    """An error during a tenth of the time counts a tenth, however many samples the simulator put there."""
    crowded = np.concatenate([np.linspace(0, 1, 100_001), np.linspace(1, 10, 901)[1:]])
    step = (crowded <= 1).astype(float)
    error = waveform_error(crowded, np.zeros_like(crowded), crowded, step)
    assert error.rms == pytest.approx(math.sqrt(0.1), rel=1e-2)


def test_another_grid_is_read_by_straight_lines_at_second_order():
    """The same waveform on a coarse grid has an error that falls by four when its step is halved."""
    wave = np.sin(2 * np.pi * TIME / 8)
    errors = []
    for samples in (101, 201, 401):
        coarse = np.linspace(0, 40, samples)
        errors.append(waveform_error(TIME, wave, coarse, np.sin(2 * np.pi * coarse / 8)).rms[0])
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


@settings(deadline=None)
@given(time_unit=st.floats(1e-6, 1e3), voltage_unit=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_the_normalised_error_has_no_unit(time_unit, voltage_unit, seed):
    """Units of time and voltage scale the rms, not the normalised error."""
    rng = np.random.default_rng(seed)
    time, other = np.cumsum(rng.uniform(0.1, 1, 30)), np.linspace(0, 30, 100)
    reference, candidate = rng.normal(size=30), rng.normal(size=100)
    plain = waveform_error(time, reference, other, candidate)
    scaled = waveform_error(
        time * time_unit, reference * voltage_unit, other * time_unit, candidate * voltage_unit
    )
    assert scaled.normalised == pytest.approx(plain.normalised, rel=1e-6)
    assert scaled.rms == pytest.approx(plain.rms * voltage_unit, rel=1e-6)


def test_a_reference_that_does_not_move_has_no_normalised_error():
    """Its rms is defined, its normalised error is not, also when rounding makes it move a little."""
    flat = np.full(TIME.size, 0.1) + 1e-17 * np.sin(TIME)
    error = waveform_error(TIME, flat, TIME, flat + 0.5)
    assert error.rms == pytest.approx(0.5)
    assert np.isnan(error.normalised).all()


def test_a_short_candidate_is_refused_but_one_step_is_not_missed():
    """A run that died early is an error; a grid that ends one step early is compared where both are."""
    wave = np.sin(TIME)
    with pytest.raises(ComparisonError, match=r"0 to 30.*0 to 40"):
        waveform_error(TIME, wave, TIME[:1501], wave[:1501])
    error = waveform_error(TIME, wave, TIME[1:], wave[1:])
    assert error.start == TIME[1]
    assert error.rms == pytest.approx(0, abs=1e-12)


def test_different_numbers_of_neurons_are_refused():
    """Two neurons cannot be compared with one."""
    with pytest.raises(ComparisonError, match="2 neurons"):
        waveform_error(TIME, np.zeros((TIME.size, 2)), TIME, np.zeros(TIME.size))


def test_a_known_delay_is_the_time_error_of_every_spike(ladder):
    """Delays of 0, 0.1 and 0.15 tau_m come back as time errors between the rungs, with no spike lost."""
    expected = {("model", "continuous"): 0.1, ("continuous", "netlist"): 0.05, ("model", "netlist"): 0.15}
    for (reference, candidate), delay in expected.items():
        comparison = ladder.between(reference, candidate)
        for neuron, spikes in zip(comparison.neurons, (10, 5), strict=True):
            assert (neuron.reference_spikes, neuron.matched) == (spikes, spikes)
            assert (neuron.missing, neuron.extra, neuron.undecided) == (0, 0, 0)
            assert neuron.median_time_error_tau_m == pytest.approx(delay, abs=1e-4)
            assert neuron.max_time_error_tau_m == pytest.approx(delay, abs=1e-3)
        assert comparison.worst_median_time_error_tau_m == pytest.approx(delay, abs=1e-4)


def test_every_pair_is_there_in_order(ladder):
    """Neighbours and each with the last are views of the same list; a pair in the wrong order is refused."""
    pairs = lambda comparisons: [(c.reference, c.candidate) for c in comparisons]  # noqa: E731
    assert pairs(ladder.comparisons) == [
        ("model", "continuous"),
        ("model", "netlist"),
        ("continuous", "netlist"),
    ]
    assert pairs(ladder.adjacent) == [("model", "continuous"), ("continuous", "netlist")]
    assert pairs(ladder.to_top) == [("model", "netlist"), ("continuous", "netlist")]
    with pytest.raises(ComparisonError, match="earlier"):
        ladder.between("netlist", "model")


def test_missing_and_extra_spikes_are_on_the_right_side():
    """The reference's own spike is missing, the candidate's own is extra; one near the end is neither."""

    def pulses(name, times):
        voltage = np.where(np.abs(TIME[:, None] - np.array(times)).min(axis=1) < 0.3, 1.0, -1.0)
        return Rung(name=name, time=TIME, voltage=voltage[:, None], neurons=("n",))

    ladder = compare(
        [pulses("first", [5, 10, 15]), pulses("second", [5.2, 20, 25, 39.5])], window=1.0, step=0.2
    )
    (neuron,) = ladder.comparisons[0].neurons
    assert (neuron.matched, neuron.missing, neuron.extra, neuron.undecided) == (1, 2, 2, 1)
    assert (neuron.reference_spikes, neuron.candidate_spikes) == (3, 3)
    assert [record.spikes for record in ladder.rungs] == [3, 4]


def test_rungs_carry_their_sparsity_and_task_error(ladder):
    """A cosine is above 0 half of the time; 15 spikes of two neurons in 200 steps are 0.0375 per neuron and step."""
    record = ladder.rungs[0]
    assert record.spikes == 15
    assert record.communication == pytest.approx(15 / 2 / 200)
    assert record.computation == pytest.approx(0.5, abs=1e-3)
    assert ladder.task_error_change("model", "netlist") == pytest.approx(0.05)
    with pytest.raises(ComparisonError, match="silicon"):
        ladder.task_error_change("model", "silicon")


def test_a_silent_and_still_neuron_is_null_in_json():
    """What is undefined is null, and no NaN reaches the file."""
    still = Rung(name="model", time=TIME, voltage=np.full((TIME.size, 1), -1.0), neurons=("n",))
    ladder = compare([still, dataclasses.replace(still, name="netlist")], window=1.0, step=0.2)
    text = ladder.to_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    (neuron,) = json.loads(text)["comparisons"][0]["neurons"]
    assert neuron["nrmse"] is neuron["median_time_error_tau_m"] is neuron["max_time_error_tau_m"] is None
    assert neuron["rms_v0"] == 0
    assert ladder.task_error_change("model", "netlist") is None
    assert ladder.comparisons[0].worst_median_time_error_tau_m is None


def test_json_comes_back_equal_and_is_plain(ladder):
    """Reading what was written gives the same value, and asymmetric fields are not swapped."""
    content = json.loads(ladder.to_json())
    assert Ladder.from_json(ladder.to_json()) == ladder
    assert content["schema_version"] == 1
    assert [r["task_error"] for r in content["rungs"]] == [0.40, 0.41, 0.42]
    assert content["comparisons"][0]["reference"] == "model"
    assert content["comparisons"][0]["neurons"][1]["reference_spikes"] == 5


def test_the_schema_documents_every_key_of_the_file(ladder):
    """Each key that is written is in the schema with a description, required, and nothing else is allowed."""
    document = schema()

    def walk(content, node):
        node = document["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
        if isinstance(content, dict):
            assert set(content) == set(node["properties"]) == set(node["required"])
            assert node["additionalProperties"] is False
            for key, value in content.items():
                assert node["properties"][key]["description"], key
                walk(value, node["properties"][key])
        elif isinstance(content, list):
            assert node["type"] == "array"
            for value in content:
                walk(value, node["items"])

    walk(json.loads(ladder.to_json()), document)
    assert document["properties"]["schema_version"]["const"] == 1


def test_a_damaged_file_names_each_faulty_key(ladder):
    """NaN, a wrong type, an unknown key and another version are reported together, each with its place."""
    content = json.loads(ladder.to_json())
    content["schema_version"] = 2
    content["rungs"][1]["spikes"] = "15"
    content["comparisons"][0]["neurons"][1]["rms_v0"] = float("nan")
    content["colour"] = "blue"
    with pytest.raises(ComparisonError) as caught:
        Ladder.from_json(json.dumps(content))
    for key in ("schema_version", "rungs.1.spikes", "comparisons.0.neurons.1.rms_v0", "colour"):
        assert key in str(caught.value)
    with pytest.raises(ComparisonError, match="cannot be read"):
        Ladder.from_json("not json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content["comparisons"].pop(), "every pair"),
        (lambda content: content["comparisons"].reverse(), "every pair"),
        (lambda content: content["comparisons"][0]["neurons"].reverse(), "differ in their neurons"),
        (lambda content: content["comparisons"][0]["neurons"][0].update(missing=1), "add up"),
        (lambda content: content["comparisons"][0]["neurons"][0].update(max_time_error_tau_m=None), "null"),
        (lambda content: content["rungs"][0].update(name="netlist"), "repeat"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(ladder, change, words):
    """Counts that do not add up, and pairs or neurons that are not complete, are faults."""
    content = json.loads(ladder.to_json())
    change(content)
    with pytest.raises(ComparisonError, match=words):
        Ladder.from_json(json.dumps(content))


def test_si_waveforms_become_a_rung_in_model_units():
    """Volts and seconds are divided by V0 and tau_m; the order of the dimensions does not matter."""
    model = rung("model")
    waveforms = xr.DataArray(
        model.voltage.T[:, None] * 0.072,
        dims=("neuron", "batch", "time"),
        coords={"neuron": ["a", "b"], "time": TIME * 72e-6},
    )
    circuit = Rung.from_waveforms(waveforms, name="netlist", time_unit=72e-6, voltage_unit=0.072)
    assert circuit.neurons == ("a", "b")
    np.testing.assert_allclose(circuit.time, model.time)
    np.testing.assert_allclose(circuit.voltage, model.voltage)
    with pytest.raises(ComparisonError, match="batch"):
        Rung.from_waveforms(xr.concat([waveforms, waveforms], dim="batch"), name="netlist")


def test_bad_rungs_are_refused():
    """Too few rungs, repeated names, other neurons, a NaN task error: each says what it is."""
    model = rung("model")
    with pytest.raises(ComparisonError, match="two or more"):
        compare([model], window=1.0, step=0.2)
    with pytest.raises(ComparisonError, match="different names"):
        compare([model, model], window=1.0, step=0.2)
    with pytest.raises(ComparisonError, match="sort"):
        compare([model, dataclasses.replace(model, name="x", neurons=("b", "a"))], window=1.0, step=0.2)
    with pytest.raises(ComparisonError, match="task_error"):
        rung("model", task_error=float("nan"))
    with pytest.raises(ComparisonError, match="neuron names"):
        dataclasses.replace(model, neurons=("a",))
