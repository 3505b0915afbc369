"""Networks for series in run folders: what is in such a folder, and the training that fills it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from circuits.realisations.filters import network_with_filter_current
from circuits.technologies import default_technology
from conductance.layers import NeuronLayer
from conductance.loading.lazy import Deferred
from conductance.networks import RECIPES, Network, layered_network
from conductance.networks.coding import coded, coded_layers
from conductance.networks.firing import Started, firing, firing_text, let_fire, silence_text
from conductance.networks.grouping import grouped
from conductance.storage import load_network, save_network
from conductance.storage.networks import read_json
from conductance.tasks import Task, TaskData
from conductance.tasks.decisions import evidence, labels
from conductance.tasks.metrics import ClassificationScore, classification_score
from conductance.training import Record, TrainingResult, train
from excitable.config.declared import is_own
from excitable.config.series import SeriesConfiguration
from excitable.runs.environment import environment
from excitable.runs.folder import (
    CALIBRATION,
    CONFIGURATION,
    ENVIRONMENT,
    MODEL,
    SWEEPS,
    WEIGHTS,
    RunError,
    RunFolder,
    is_begun,
)
from excitable.runs.folder import START as BEGINNING
from excitable.runs.real_time import in_real_time, time_remarks

UNGROUPED = "ungrouped"
"""Folder of the trained network before its neurons shared their values."""
START = "start.json"
"""Whose weights a run began with."""
circuit_noises: Any = Deferred("circuits.noise")
"""Loaded where a training has noise."""
measured_laws: Any = Deferred("excitable.ladder.measured.training")
"""Loaded where a training is on the measured law."""
DATA = "data"
"""In `environment.json`: the digest of the files that the data come from."""
SHOWN = 32
"""Series of the train split by which weights are scaled before training."""
WEIGHTS_STREAM = 1
"""Distinguishes the initial weights' random numbers from others drawn from the same seed."""


class SeriesRun(RunFolder):
    """The run folder of a network for series."""

    @cached_property
    def configuration(self) -> SeriesConfiguration:
        """The run's configuration."""
        return self.configured(SeriesConfiguration)

    @cached_property
    def task(self) -> Task:
        """The run's task."""
        return self.configuration.task.build()

    @cached_property
    def data(self) -> TaskData:
        """The task's data, drawn anew from the run's seed: the same numbers each time.

        Raises:
            RunError: they come from files that have changed since the run was trained.
        """
        data = self.task.generate(self.configuration.seed)
        known = self._trained_on()
        if known and data.digest and known != data.digest:
            raise RunError(
                f"{self.path}: the files of task {self.configuration.task.name} have changed since it was trained; put "
                f"the old ones back, or train again in another folder"
            )
        return data

    @cached_property
    def built(self) -> SeriesConfiguration:
        """The configuration whose circuit has the data's time, see `in_real_time`."""
        own = self.configuration
        return own.model_copy(update={"circuit": in_real_time(own.circuit, self.data, own.network.dt)})

    def _trained_on(self) -> str:
        """The digest of the files that the run was trained on; empty where there is none yet."""
        path = self.path / ENVIRONMENT
        if not path.is_file():
            return ""
        return str(read_json(path).get(DATA, ""))

    def network(self) -> Network:
        """The trained network.

        Raises:
            RunError: nothing has been trained yet. StorageError: its files are damaged.
        """
        self.check_trained(MODEL)
        network = load_network(self.path)
        self._check_belonging(network)
        return network

    def _check_belonging(self, network: Network) -> None:
        """Refuse a network that this configuration did not ask for."""
        wanted, layers = self.configuration.network, dict(network.chain.items())
        faults = []
        for name, weighing in coded_layers(network).items():
            bits = None if weighing.code is None else weighing.code.bits
            if bits != wanted.bits:
                faults.append(
                    f"{name} has bits {bits or 'none'}, the configuration says {wanted.bits or 'none'}"
                )
        for name, options in wanted.options().items():
            layer = layers.get(name)
            if not isinstance(layer, NeuronLayer):
                faults.append(f"it has no layer {name}")
                continue
            own, asked = layer.neuron.name, options.neuron
            free = own not in RECIPES or is_own(asked)  # the network has all that a neuron of one's own is
            faults += [
                f"{name} has {what} {found!r}, the configuration says {said!r}"
                for what, said, found in (
                    ("neurons:", wanted.sizes()[name], layer.size), ("dt", wanted.dt, layer.dt),
                    ("the neuron", asked, asked if free else own),
                )
                if said != found
            ]  # fmt: skip
        if faults:
            raise RunError(
                f"{self.path / CONFIGURATION}: it does not belong to {MODEL} beside it: {'; '.join(faults)}; undo the "
                f"change, or train under another --run"
            )

    def ungrouped(self) -> Network | None:
        """The trained network before its neurons shared their values; None where they do not."""
        folder = self.path / UNGROUPED
        return load_network(folder) if folder.is_dir() else None

    def save_network(self, network: Network) -> None:
        """Write the trained network."""
        save_network(network, self.path)


def untrained_network(configuration: SeriesConfiguration, data: TaskData) -> Network:
    """The network before training for a task's data; the same seed gives the same weights."""
    network = configuration.network
    generator = torch.Generator().manual_seed(configuration.seed * 2**8 + WEIGHTS_STREAM)
    drawn = layered_network(
        network.plans(),
        inputs=len(data.input_names),
        outputs=len(data.target_names),
        dt=network.dt,
        low_pass_tau=network.low_pass_tau,
        backend=network.kernel,
        generator=generator,
    )
    return drawn if network.bits is None else coded(drawn, network.bits)


def started(network: Network, configuration: SeriesConfiguration, data: TaskData) -> tuple[Started, ...]:
    """Scale the weights into the rates that the configuration asks for, on the first series of the train split."""
    rates = configuration.network.rates
    if rates is None:
        return ()
    shown = data.train.inputs[:, :SHOWN]
    return let_fire(network, shown, lowest=rates[0], highest=rates[1])


def under_noise(network: Network, run: SeriesRun) -> Network:
    """The network that learns: with the noise of the run's circuit where the configuration asks for it.

    Raises:
        CircuitError: its neurons are not made of transistors, so that their circuits have no noise of their own.
    """
    power = run.configuration.training.noise
    if not power:
        return network
    circuit = run.built.circuit
    own = circuit.built_in()
    made_of = own if own.nmos is not None else default_technology("transistor")
    if circuit.filter_current is not None:
        network = network_with_filter_current(network, circuit.filter_current / circuit.current_unit)
    return circuit_noises.noisy_network(network, made_of, scaling=circuit.scaling("transistor"), power=power)


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """What training a run gave.

    Attributes:
        network: with the kept weights, as saved in the run folder.
        result: the kept weights measured on the validation and the test split.
        baselines: the test error of predictors without a network, by name.
        remarks: what was done to data and weights, in sentences.
        score: of a classification on the test split; None of a regression.
    """

    network: Network
    result: TrainingResult
    baselines: dict[str, float]
    remarks: tuple[str, ...] = ()
    score: ClassificationScore | None = None


def start_from(run: SeriesRun, network: Network, other: Path) -> str:
    """Give a network the weights of another run's, and say so; a run that was begun with them goes on with them.

    Args:
        run: the open run, whose `start.json` keeps where it began.
        network: as the run's configuration has it, changed in place.
        other: folder of a trained run with the same layers.

    Raises:
        RunError: nothing is trained there, its layers differ, or this run began with other weights.
    """
    source = SeriesRun.find(other)
    theirs = source.network()
    said = {"run": str(source.path), "weights": sha256((source.path / WEIGHTS).read_bytes()).hexdigest()}
    path = run.path / START
    if is_begun(run.path) and (not path.is_file() or read_json(path) != said):
        raise RunError(
            f"{run.path}: it has begun with other weights than those of {source.path}; give the new one another --run"
        )
    own, others = network.state_dict(), theirs.state_dict()
    faults = [name for name in own if name not in others or own[name].shape != others[name].shape]
    faults += [name for name in others if name not in own]
    if faults:
        shapes = [tuple(each[faults[0]].shape) if faults[0] in each else "nothing" for each in (others, own)]
        raise RunError(
            f"{source.path}: its network has other layers than the configuration: {faults[0]} is {shapes[0]} there and "
            f"{shapes[1]} here; --from takes a run of the same network"
        )
    network.load_state_dict(others)
    run.write_json(START, said)
    return f"began with the weights of {source.path}"


def train_run(
    run: SeriesRun, *, report: Callable[[Record], None] | None = None, begin: Path | None = None
) -> TrainedRun:
    """Train a run's network, or go on from its checkpoint, and save it.

    Args:
        run: an open run, see `SeriesRun.begun`; the caller holds its lock.
        report: called with every record.
        begin: another run, whose weights the network begins with, see `start_from`.

    Raises:
        TrainingError: training cannot go on; the message says why and what to change.
        StorageError: a file cannot be written.
    """
    configuration, task, data = run.configuration, run.task, run.data
    network = untrained_network(configuration, data)
    begun = "" if begin is None else start_from(run, network, begin)
    # weights that were trained stay as they are
    fired = () if begun else started(network, configuration, data)
    silence = "" if fired else silence_text(firing(network, data.train.inputs[:, :SHOWN]))
    law = _measured_law(network, run)
    learning = under_noise(network, run) if law is None else law.network
    result = train(
        learning,
        task,
        data,
        configuration.training.build(),
        seed=configuration.seed,
        folder=run.path,
        report=report,
        loss=configuration.training.own_loss(),
    )
    if configuration.training.noise:
        # the declaration is that without noise, and without the circuit's filters
        network.load_state_dict(circuit_noises.silent_network(learning).state_dict())
    if law is not None:
        network = law.declared()
    sharing = ""
    if configuration.network.bias_values is not None:
        network, sharing = share_values(run, network, configuration.network.bias_values)
        result = _measured_again(result, network, task, data)
    run.save_network(network)
    backends = {
        name: layer.backend_used
        for name, layer in (network if law is None else learning).chain.items()
        if isinstance(layer, NeuronLayer)
    }
    known = {DATA: data.digest} if data.digest else {}
    run.write_json(
        ENVIRONMENT, {**environment(seed=configuration.seed, folder=run.path), "backends": backends, **known}
    )
    remarks = [*data.remarks, *([begun] if begun else [])]
    if fired:
        remarks.append(f"before training: {firing_text(fired)}")
    if silence:
        remarks.append(silence)
    if law is not None:
        remarks.append(
            f"trained on the measured law of its circuit at level {configuration.measured_level}, and the errors above "
            f"are that law's; the neurons that are kept are the declared ones"
        )
    if sharing:
        remarks.append(sharing)
    remarks += time_remarks(network, run.built.circuit, data, configuration.network.dt)
    return TrainedRun(
        network=network, result=result, baselines=dict(task.baselines(data, data.test)), remarks=tuple(remarks),
        score=test_score(network, data),
    )  # fmt: skip


def _measured_law(network: Network, run: SeriesRun) -> Any:
    """What the run's circuit was measured to do, where the configuration trains on that; None elsewhere."""
    configuration = run.configuration
    if configuration.training.on != "measured":
        return None
    return measured_laws.on_measured_law(
        network, run.built, configuration.measured_level, calibration=run.path / CALIBRATION,
        sweeps=run.path / BEGINNING / SWEEPS, margin=measured_laws.WIDE_MARGIN,
    )  # fmt: skip


def _measured_again(result: TrainingResult, network: Network, task: Task, data: TaskData) -> TrainingResult:
    """The result with the errors of the network that is saved, where it is another one than was trained."""
    with torch.no_grad():
        validation, test = (
            replace(record, error=task.error(network(split.inputs)[0], split))
            for record, split in ((result.validation, data.validation), (result.test, data.test))
        )
    return replace(result, validation=validation, test=test)


def share_values(run: SeriesRun, network: Network, values: Sequence[int]) -> tuple[Network, str]:
    """The trained network with few bias currents and references, and what that did on the test split; both are kept."""
    from excitable.ladder.lines.grouping import (  # with the ladder, which training does without
        grouping_line,
        grouping_text,
    )

    currents, references = values
    folder = run.path / UNGROUPED
    folder.mkdir(exist_ok=True)
    save_network(network, folder)
    shared = grouped(network, currents=currents, references=references)
    line = grouping_line(network, shared, run.data.test, run.task)
    return shared, grouping_text(line, f"test {run.task.error_name}")


def test_score(network: Network, data: TaskData) -> ClassificationScore | None:
    """How well a network tells the classes of the test split apart; None where there are no classes."""
    if not data.classes:
        return None
    with torch.no_grad():
        output, _ = network(data.test.inputs)
    shown = evidence(output, data.test.mask, data.decision)
    return classification_score(shown, labels(data.test.targets, data.test.mask))
