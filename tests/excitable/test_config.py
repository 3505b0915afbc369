"""Configuration files: every fault named at once, numbers with units, and one line from one neuron to another."""

import dataclasses
import re
import tomllib
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from pydantic import ValidationError

from conductance.networks import RECIPES
from conductance.tasks import EVENT_TASKS, TaskData, YinYang
from conductance.tasks.options import option
from conductance.tasks.registry import tasks_that_draw
from conductance.training import TrainingOptions, train
from excitable.config import (
    KINDS,
    ConfigurationError,
    example,
    parse_configuration,
    read_configuration,
    read_configuration_text,
    schema,
    shipped_configurations,
)
from excitable.config.circuit import CircuitSection
from excitable.config.declared import Section, section_of
from excitable.config.faults import line_numbers, line_of
from excitable.config.kinds import SHORTEST
from excitable.config.quantities import si_number
from excitable.config.series import SeriesConfiguration
from excitable.ladder.options import CircuitOptions
from excitable.runs.series import untrained_network

SMALL = """
name = "small"
seed = 3

[task]
sample_step = 1.0
horizon = 20.0
series_samples = 60
warm_up = 20
train_series = 4
validation_series = 2
test_series = 2
held_out_samples = 60

[network]
neuron = "mtc"
hidden = 5
dt = 1.0

[training]
steps = 2
batch = 2
evaluate_every = 1

[simulation]
samples = 50
"""


def faults(text: str) -> dict[str, str]:
    """Key to message with line of every fault of a text."""
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text, source="file.toml")
    assert str(caught.value).startswith("file.toml")
    return {fault.key: str(fault) for fault in caught.value.faults}


def test_three_faults_are_three_messages():
    """A file with three faults names all three: key, line, value, what is allowed, and the key that was meant."""
    found = faults('name = "a"\n\n[network]\nhiden = 3\ndt = -0.2\n\n[training]\nlearning_rate = "fast"\n')
    assert set(found) == {"network.hiden", "network.dt", "training.learning_rate"}
    assert re.search(r"line 4.*unknown.*did you mean hidden\?", found["network.hiden"])
    assert re.search(r"line 5.*-0.2.*greater than 0", found["network.dt"])
    assert re.search(r"line 8.*'fast'.*valid number", found["training.learning_rate"])


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("", "name", "it is missing"),
        ('name = "a b"', "name", "lower-case letters"),
        ('name = "../up"', "name", "line 1"),
        ('name = ".include"', "name", "should match"),
        ('name = "a"\nseed = 1.5', "seed", "valid integer"),
        ('name = "a"\nseed = -1', "seed", "greater than or equal to 0"),
        ('name = "a"\n[sumulation]\n', "sumulation", "line 2.*did you mean simulation"),
        ('name = "a"\ntask = 3', "task", "line 2"),
        ('name = "a"\n[network]\nneuron = "izhikevich"', "network.neuron", "allowed are mtc, lif, adlif"),
        ('name = "a"\n[network]\ndt = nan', "network.dt", "finite"),
        ('name = "a"\n[network]\nvalues.tau_x = 3', "network.values", "unknown parameter 'tau_x'"),
        ('name = "a"\n[network.values]\ntau_s = -3.0', "network.values", r"tau_s = -3 .*\(0, inf\)"),
        ('name = "a"\n[network]\nvalues.alpha_f_minus = [0, 2]', "network.values", "alpha_f_minus = 0"),
        ('name = "a"\n[network]\nvalues.tau_s = [3]', "network.values.tau_s", r"line 3.*\[lower, upper\]"),
        ('name = "a"\n[network]\nvalues.tau_s = [4, 3]', "network.values.tau_s", "ordered"),
        (
            'name = "a"\n[network]\nneuron = "lif"\ntrainable = ["tau_s"]',
            "network.trainable",
            "line 4.*'tau_s'",
        ),
        ('name = "a"\n[network]\nmethod = "euler"', "network.method", "forward_euler"),
        ('name = "a"\n[task]\nname = "mg"', "task.name", "mackey_glass.*other kinds of run know.*yin_yang"),
        ('name = "a"\n[task]\nhorizon = 5.0\nhorizon_steps = 3', "task.horizon", "line 3.*keep one"),
        ('name = "a"\n[task]\nwarm_up = 5000', "task.warm_up", "shorten it"),
        ('name = "a"\n[simulation]\nsamples = 500', "simulation.samples", "leaves nothing to compare after"),
        ('name = "a"\n[simulation]\nsamples = 10', "simulation.samples", "task.warm_up = 500"),
        ('name = "a"\n[training]\nbatch = true', "training.batch", "valid integer"),
        (
            'name = "a"\n[training]\nfinal_learning_rate = 1.0',
            "training.final_learning_rate",
            "line 3.*annealing goes down",
        ),
        (
            'name = "a"\n[training]\nbatch = 500',
            "training.batch",
            "line 3.*training.batch = 500 .* task.train_series = 128",
        ),
        ('name = "a"\n[circuit]\ncapacitance = "1 V"', "circuit.capacitance", "unit V; it must be in F"),
        ('name = "a"\n[circuit]\ncapacitance = "one"', "circuit.capacitance", "is no number"),
        ('name = "a"\n[circuit]\ncapacitance = "-1p"', "circuit.capacitance", "must be from 1 aF to 1 mF"),
        ('name = "a"\n[circuit]\nlevel = "layout"', "circuit.level", "'layout' is unknown.*behavioural"),
        ('name = "a"\n[circuit]\nlevel = ["mixed"]', "circuit.level", "circuit.mixed"),
        ('name = "a"\n[circuit]\nmixed.hidden_99 = "transistor"', "circuit.mixed.hidden_99", "hidden_63"),
        ('name = "a"\n[circuit.mixed]\nhiden = "transistor"', "circuit.mixed.hiden", "line 3.*hidden"),
        ('name = "a"\n[network]\nneuron = "qif"', "network.neuron", "configuration yin-yang"),
        ('name = "a"\n[network]\nneuron = "dqif"', "network.neuron", "is trained on images"),
        ('name = "a"\n[circuit]\nlevel = []', "circuit.level", "must be one of"),
        ('name = "a"\n[circuit.mixed]\nhidden = "layout"', "circuit.mixed.hidden", "'transistor'"),
        ('name = "a"\n[circuit]\ntechnology = "tsmc"', "circuit.technology", "'tsmc' is unknown; known are"),
        ('name = "a"\n[circuit]\ncorner = "xx"', "circuit.corner", "no corner 'xx'; it has tt"),
        ('name = "a"\n[network]\ninitial = {um = nan}', "network.initial.um", "line 3.*must be finite"),
        (
            'name = "a"\n[network]\nhidden = 2\ninitial = {um = [0, inf]}',
            "network.initial.um",
            "must be finite",
        ),
        ('name = "a"\n[network]\nbias = inf', "network.bias", "line 3.*must be a finite number"),
        (
            'name = "a"\n[training]\ntrained = "none"\nnoise = 1.0',
            "training.noise",
            "line 4.*seen by steps of training.*leave it out",
        ),
        (
            'name = "a"\n[training]\non = "measured"',
            "training.on",
            "line 3.*needs a circuit of amplifiers.*'behavioural'.*add 'transistor'",
        ),
        (
            'name = "a"\n[training]\non = "circuit"',
            "training.on",
            "line 3.*'circuit': should be 'model' or 'measured'",
        ),
        ("name = = 3\n", "", "no TOML.*line 1"),
        ('name = "a"\nname = "b"', "", "no TOML"),
    ],
)
def test_each_fault_names_key_line_and_what_is_allowed(text, key, words):
    """One fault is one message under its own key."""
    found = faults(text)
    assert list(found) == [key]
    assert re.search(words, found[key])


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_is_a_legal_file_with_the_defaults(kind):
    """`--example` prints what the defaults are, and every key of every section, for each kind of run."""
    shown = parse_configuration(example(kind))
    assert shown.kind == kind
    assert shown == type(shown).model_validate({"name": "example", **SHORTEST[kind]})
    sections = [(name, section) for name, section in shown if isinstance(section, Section)]
    assert len(sections) >= 3
    for name, section in sections:
        for key in type(section).model_fields:
            assert re.search(rf"^(# )?{key}\b", example(kind), re.MULTILINE), f"{name}.{key}"


def test_a_circuit_may_have_one_level_or_several():
    """A list is a ladder; `mixed` gives levels by layer or neuron; amplifiers have the volts of their technology."""
    text = 'name = "a"\n[circuit]\nlevel = ["behavioural", "mixed"]\nmixed.hidden_3 = "transistor"'
    found = parse_configuration(text)
    assert found.circuit.level == ["behavioural", "mixed"]
    options = CircuitOptions.configured(found, "mixed")
    assert (options.level, options.levels) == ("mixed", {"hidden_3": "transistor"})
    assert options.scaling.voltage_unit == options.technology.amplifier.voltage_unit
    assert (
        CircuitOptions.configured(found).level == "behavioural"
        and CircuitOptions.configured(found).technology is None
    )


def test_training_defaults_are_declared_once():
    """The section's defaults are the option class's own."""
    assert SeriesConfiguration(name="a").training.build() == TrainingOptions()


def test_the_schema_describes_every_key():
    """Every key of the JSON schema says what it means."""
    definitions = schema()["$defs"]
    files = [definitions[entry["$ref"].rsplit("/", 1)[-1]] for entry in schema()["anyOf"]]
    assert {key for file in files for key in file["properties"]} == {
        key for kind in KINDS for key in type(parse_configuration(example(kind))).model_fields
    }
    for definition in definitions.values():
        for entry in definition["properties"].values():
            assert "description" in (
                entry if "$ref" not in entry else definitions[entry["$ref"].rsplit("/", 1)[-1]]
            )


@pytest.mark.parametrize("name", shipped_configurations())
def test_shipped_configurations_are_legal_and_named_after_their_file(name):
    """What comes with excitable can be used by its name."""
    assert read_configuration(name).name == name


def test_files_are_read_or_refused_in_words(tmp_path):
    """A file that is not there or is no text is one clear error; a file wins over a shipped name."""
    path = tmp_path / "own.toml"
    path.write_text(SMALL)
    assert read_configuration_text(path)[0] == SMALL
    with pytest.raises(ConfigurationError, match=r"nowhere.toml: cannot be read .* demo"):
        read_configuration(tmp_path / "nowhere.toml")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_configuration(path)


@pytest.mark.parametrize(
    ("given", "volts"),
    [
        ("72m", 0.072),
        ("72 mV", 0.072),
        ("72mV", 0.072),
        ("0.072", 0.072),
        (0.072, 0.072),
        ("7.2e-2 V", 0.072),
    ],
)
def test_numbers_may_have_si_prefixes_and_units(given, volts):
    """The same voltage, written in each way."""
    assert si_number(given, unit="V") == pytest.approx(volts, rel=1e-12)


def test_nothing_ideal_is_no_choice_where_levels_meet():
    """A network of mixed levels has ideal parts between them, so the key is refused and not dropped."""
    mixed = {"level": ["mixed"], "mixed": {"hidden": "transistor"}, "ideal": "none"}
    with pytest.raises(ValueError, match="level mixed the parts of different levels meet"):
        CircuitSection(**mixed)
    assert CircuitSection(**{**mixed, "level": ["transistor"]}).ideal == "none"


def test_circuit_units_reach_the_scaling():
    """Units in the file are SI in the program: 10 pF, 2 nA and 70 mV make a time unit of 350 us."""
    text = SMALL + '[circuit]\nvoltage_unit = "70m"\ncurrent_unit = "2 nA"\ncapacitance = "10 pF"\n'
    options = CircuitOptions.configured(parse_configuration(text))
    assert options.scaling.time_unit == pytest.approx(350e-6)
    assert options.accuracy.max_step == 0.5


@pytest.mark.parametrize("level", ["macromodel", "transistor"])
def test_amplifiers_take_the_unit_of_their_pairs_alone(level):
    """Within 2 % of 2 n U_T it is the same; 5 % above or below it, the message says what it is."""
    own = CircuitSection().built_in().amplifier.voltage_unit
    for share in (0.985, 1.0, 1.015):
        assert CircuitSection(level=[level], voltage_unit=share * own).voltage_unit == share * own
    for share in (0.5, 0.95, 1.05, 2.0):
        assert CircuitSection(level=["behavioural"], voltage_unit=share * own).voltage_unit == share * own
        with pytest.raises(ValueError, match=r"it is that of the pairs, 2 n U_T"):
            CircuitSection(level=[level], voltage_unit=share * own)


def test_amplifiers_have_steps_and_tolerances_of_their_own():
    """What is given for sources reaches circuits of sources alone, what is given for amplifiers every other level."""
    steps = "max_step = 0.3\nrelative = 1e-5\namplifier_max_step = 0.07\namplifier_relative = 1e-6\n"
    text = SMALL.replace("[simulation]\n", f"[simulation]\n{steps}")
    text += '[circuit]\nlevel = ["behavioural", "mixed"]\nmixed.hidden_3 = "transistor"\n'
    configuration = parse_configuration(text)
    for level in ("behavioural", "mixed", "macromodel", "transistor"):
        found = CircuitOptions.configured(configuration, level).accuracy
        wanted = (0.3, 1e-5) if level == "behavioural" else (0.07, 1e-6)
        assert (found.max_step, found.relative) == wanted


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("seed = 3", "seed = 4", "seed"),
        ('name = "small"', 'name = "other"', "name"),
        ("horizon = 20.0", "horizon = 21.0", "task.horizon"),
        ("hidden = 5", "hidden = 6", "network.hidden"),
        ("steps = 2", "steps = 3", "training.steps"),
    ],
)
def test_what_decides_the_weights_makes_another_training(old, new, key):
    """Name, seed, task, network and training are compared key by key; circuit and simulation are not."""
    one = parse_configuration(SMALL)
    assert one.training_differences(parse_configuration(SMALL + '[circuit]\ncurrent_unit = "2 nA"\n')) == []
    assert old in SMALL
    (said,) = one.training_differences(parse_configuration(SMALL.replace(old, new)))
    assert said.startswith(f"{key}: ") or said.startswith(key)


@pytest.mark.parametrize("neuron", RECIPES)
def test_one_line_changes_the_neuron(neuron):
    """MTC, LIF and AdLIF train from the same file; only the line of the neuron differs."""
    configuration = parse_configuration(SMALL.replace('"mtc"', f'"{neuron}"'))
    task = configuration.task.build()
    data = task.generate(configuration.seed)
    network = untrained_network(configuration, data)
    assert network.layers["hidden"].neuron == RECIPES[neuron].neuron
    seen: list = []
    train(network, task, data, configuration.training.build(), seed=configuration.seed, report=seen.append)
    assert [record.step for record in seen if record.split == "train"] == [1, 2]


def test_the_seed_decides_the_weights():
    """The same file gives the same network; another seed gives another."""
    first = parse_configuration(SMALL)
    data = first.task.build().generate(first.seed)
    weights = [
        untrained_network(configuration, data).layers["encoder"].weight
        for configuration in (first, first, parse_configuration(SMALL.replace("seed = 3", "seed = 4")))
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_what_needs_new_training_is_told_from_what_does_not():
    """Another circuit needs no new training, another step size does."""
    base = parse_configuration(SMALL)
    circuit = parse_configuration(SMALL.replace("samples = 50", "samples = 40"))
    trained = parse_configuration(SMALL.replace("steps = 2", "steps = 3").replace("dt = 1.0", "dt = 0.5"))
    assert base.training_differences(circuit) == []
    assert base.training_differences(trained) == ["network.dt: 1.0 -> 0.5", "training.steps: 2 -> 3"]


def test_lines_are_found_in_all_forms_of_toml():
    """Tables, dotted keys, quoted keys, comments and multi-line texts."""
    text = (
        '# name = 1\nname = "a"\n\n[ task ]\n"warm up" = 3\ntext = """\nname = 2\n"""\n[network.values]\ntau_s = 1\n'
        "network2.values.tau_us = 2\n"
    )
    lines = line_numbers(text)
    assert lines[("name",)] == 2
    assert lines[("task", "warm up")] == 5
    assert lines[("network", "values", "tau_s")] == 10
    assert ("task", "name") not in lines
    assert line_of(("task", "missing"), lines) == 4
    assert line_of(("missing",), lines) is None
    assert set(tomllib.loads(text)) == {"name", "task", "network"}


@pytest.mark.parametrize("name", EVENT_TASKS)
def test_every_task_on_spikes_can_be_named_in_a_file(name):
    """A file names a task by its own name and its own options, also those without a default."""
    required = [
        option for option in dataclasses.fields(EVENT_TASKS[name]) if option.default is dataclasses.MISSING
    ]
    lines = "".join(f'{option.name} = "somewhere"\n' for option in required)
    configuration = parse_configuration(f'name = "a"\n[task]\nname = "{name}"\n{lines}')
    task = configuration.task.build()
    assert isinstance(task, EVENT_TASKS[name])
    assert all(getattr(task, option.name) == "somewhere" for option in required)


def test_a_task_is_known_by_its_declaration_alone():
    """A fresh class that draws series is registered and gets a section with its options; another kind does not."""

    @dataclass(frozen=True, kw_only=True)
    class Fresh:
        name: ClassVar[str] = "fresh"
        delay: int = option(3, lower=1, whole=True, meaning="samples between input and target")

        def generate(self, seed: int = 0) -> TaskData:
            raise NotImplementedError

    assert dict(tasks_that_draw(TaskData, {"Fresh": Fresh, "YinYang": YinYang})) == {"fresh": Fresh}
    section = section_of(Fresh, Section)
    assert section(delay=4).model_dump() == {"delay": 4}
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        section(delay=0)


def test_an_unknown_name_is_answered_with_a_near_one():
    """Names come from the registries, and so do the answers to names that are not in them."""
    for text, near in (
        ('name = "a"\n[task]\nname = "mackey_glas"', "did you mean mackey_glass"),
        ('name = "a"\n[task]\nname = "yinyang"', "did you mean yin_yang"),
        ('name = "a"\n[network]\nneuron = "dqif"', "is trained on images"),
        ('name = "a"\n[network]\nmethod = "heum"', "did you mean heun"),
    ):
        with pytest.raises(ConfigurationError, match=f"line 3.*{near}"):
            parse_configuration(text)


@pytest.mark.parametrize(
    ("neuron", "values", "words"),
    [
        ("mtc", "tau_s = 200", "tau_s < tau_us; received tau_s = 200, tau_us = 160"),
        ("mtc", "tau_s = [10, 40], tau_us = [30, 90]", "tau_s < tau_us; received tau_s = 40, tau_us = 30"),
        ("mtc", "tau_us = [5, 90]", "tau_s < tau_us"),
        ("adlif", "tau_m = 30", "tau_m < tau_w"),
    ],
)
def test_values_that_may_break_the_order_of_timescales_are_refused_in_the_file(neuron, values, words):
    """Before there is a run folder: a neuron that draws the ends of both spreads would be refused when it is built."""
    text = SMALL.replace('neuron = "mtc"', f'neuron = "{neuron}"\nvalues = {{{values}}}')
    assert words in faults(text)["network.values"]


@pytest.mark.parametrize(
    "values", ["tau_s = [10, 40], tau_us = [40, 90]", "tau_s = 150", "tau_us = [60, 90]"]
)
def test_values_whose_spreads_touch_are_allowed(values):
    """Ends that meet are drawn by no neuron."""
    parse_configuration(SMALL.replace('neuron = "mtc"', f'neuron = "mtc"\nvalues = {{{values}}}'))


def test_a_text_of_one_long_word_is_refused_at_once():
    """As a key, as a value, in quotes: what looks for keys without end reads a word once."""
    word = "x" * 300_000
    for text in (word, f"{word} = 1\n", f'"{word}" = 1\n', f'name = "{word}"\n', f"{word}.{word} = 1\n"):
        with pytest.raises(ConfigurationError):
            parse_configuration(text)
