"""Export, simulation and comparison of a deep network on images as a clocked circuit, image by image."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as bytes_of_arrays

from circuits.data.clock import Clock
from conductance.deep.data.base import collate
from conductance.deep.folding import features, folded
from conductance.deep.networks import ImageNetwork
from conductance.deep.neurons import DeepError
from conductance.networks import Network
from conductance.storage import StorageError
from excitable.config.images import ImageConfiguration
from excitable.ladder.decisions import DecidingRung, DecidingStep, DecisionLadder
from excitable.ladder.maps import (
    SampledOptions,
    SampledRun,
    compare_sampled,
    export_sampled,
    model_steps,
    simulate_sampled,
    spike_count,
)
from excitable.runs.folder import COMPARISON, NETLISTS, RunError
from excitable.runs.images import ImageRun, image_data, untrained_network
from excitable.runs.stages.base import (
    BEHAVIOURAL,
    NGSPICE,
    PARTS,
    Progress,
    Simulated,
    basis_of,
    behavioural_only,
    ngspice_only,
    not_simulated,
)
from excitable.runs.stages.belonging import note_weights
from netlists.simulation import available_cores

STEPS = "steps.safetensors"
MEANINGS: Mapping[str, str] = {
    "model": "the trained model, tdBN folded into its weights, step by step in double precision",
    BEHAVIOURAL: "the clocked netlist in ngspice: capacitors, switches, and sources that state the map",
}


def circuit_options(run: ImageRun) -> SampledOptions:
    """How the run's circuit is built and simulated."""
    circuit, simulation = run.configuration.circuit, run.configuration.simulation
    return SampledOptions(
        clock=Clock(scaling=circuit.units(), settling=circuit.settling), relative=simulation.relative,
        time_limit=simulation.time_limit,
    )  # fmt: skip


def shown(run: ImageRun) -> tuple[Network, np.ndarray, np.ndarray]:
    """The run's network as a chain, what it receives of the first test images (time, batch, feature), their classes.

    Raises:
        RunError: it has convolutions, or the split has fewer images.
    """
    network, wanted = run.network(), run.configuration.simulation.samples
    chain = _chain(run.configuration, network, str(run.path))
    there = len(run.data.test)
    if wanted > there:
        raise RunError(
            f"{run.path}: simulation.samples = {wanted} is more than the {there} images of the test split; lower it"
        )
    images, labels = collate([run.data.test[place] for place in range(wanted)])
    return chain, features(network, images).double().numpy(), labels.numpy()


def check_circuit(configuration: ImageConfiguration, data: Path | None) -> None:
    """Raise `RunError` where the network of a configuration will have no circuit, before it is trained for hours."""
    network = untrained_network(configuration, image_data(configuration, data))
    _chain(configuration, network, configuration.name)


def _chain(configuration: ImageConfiguration, network: ImageNetwork, owner: str) -> Network:
    try:
        return folded(network)
    except DeepError as error:
        raise RunError(
            f"{owner}: network.name = {configuration.network.name!r} has no circuit yet ({error}); `excitable report` "
            f"shows what it learnt"
        ) from None


def export_run(run: ImageRun, levels: Sequence[str] = (), dialect: str = NGSPICE) -> list[Path]:
    """Write a netlist and its test bench for each image into the run's `netlists/`; the benches are returned.

    Raises:
        RunError: the run is not trained, or has no circuit, or none at a level.
    """
    ngspice_only(run, "--dialect", dialect)
    behavioural_only(run, levels)
    chain, inputs, _ = shown(run)
    configuration = run.configuration
    provenance = {
        "run": configuration.name, "seed": str(configuration.seed),
        "input": f"{inputs.shape[1]} images of the test split of {configuration.data.name}", "level": BEHAVIOURAL,
    }  # fmt: skip
    netlists = export_sampled(chain, inputs, circuit_options(run), provenance=provenance)
    folder = run.file(f"{NETLISTS}/sample").parent
    benches = [netlist.write(folder) for netlist in netlists]
    note_weights(run, "export", *benches)
    return benches


def simulate_run(run: ImageRun, levels: Sequence[str] = (), progress: Progress | None = None) -> Simulated:
    """Run the model and its clocked circuit on images of the test split, and keep what they hold after every step.

    Raises:
        RunError: the run has no circuit, or none at a level.
        SimulatorMissing, SimulationFailed: there is no ngspice, or it failed.
    """
    behavioural_only(run, levels)
    chain, inputs, _ = shown(run)
    tell = progress or (lambda *_: None)
    parts = run.path / NETLISTS / PARTS / BEHAVIOURAL
    if _read(run) is None:
        with ThreadPoolExecutor(run.configuration.simulation.workers or available_cores()) as executor:
            circuit = simulate_sampled(
                chain, inputs, circuit_options(run), executor=executor, keep=parts, resume=True,
                progress=partial(tell, "images in ngspice"),
            )  # fmt: skip
        there = {"model": model_steps(chain, inputs), BEHAVIOURAL: circuit}
        arrays = {name: np.ascontiguousarray(array) for name, array in _arrays(there)}
        run.write(STEPS, bytes_of_arrays(arrays, metadata={"basis": _basis(run)}))
    for raw in parts.glob("*/*.raw"):
        raw.unlink(missing_ok=True)
    return Simulated(path=run.path / STEPS, what=f"steps of {inputs.shape[1]} images", rungs=tuple(MEANINGS))


def compare_run(
    run: ImageRun, levels: Sequence[str] = (), witness: str | None = None, progress: Progress | None = None
) -> DecisionLadder:
    """Compare what model and circuit hold after every step, and write `comparison.json`.

    Raises:
        RunError: nothing has been simulated, or not with this network and these options.
    """
    ngspice_only(run, "--witness", NGSPICE if witness is None else witness)
    behavioural_only(run, levels)
    chain, _, labels = shown(run)
    found = simulated_steps(run)
    error = compare_sampled(chain, found["model"], found[BEHAVIOURAL])
    climbed = DecisionLadder(
        kind="images",
        samples=error.samples,
        rungs=tuple(
            DecidingRung(
                name=name, meaning=MEANINGS[name], accuracy=float((steps.decisions == labels).mean()),
                numbers={"spikes": spike_count(chain, steps)},
            )
            for name, steps in found.items()
        ),
        steps=(
            DecidingStep(
                reference="model", candidate=BEHAVIOURAL, same_class=error.same_class,
                numbers={
                    "differing spikes": error.differing, "median / V0": error.median,
                    "largest / V0": error.worst,
                },
            ),
        ),
    )  # fmt: skip
    note_weights(run, "compare", run.write(COMPARISON, climbed.to_json()))
    return climbed


def simulated_steps(run: ImageRun) -> dict[str, SampledRun]:
    """What model and circuit held after every step.

    Raises:
        RunError: nothing has been simulated, or not with this network and these options.
    """
    found = _read(run)
    if found is None:
        raise not_simulated(run, STEPS)
    return found


def _basis(run: ImageRun) -> str:
    """A digest of all that decides the steps."""
    configuration, options = run.configuration, circuit_options(run)
    return basis_of(
        run, configuration.seed, configuration.data, configuration.network, configuration.simulation.samples,
        options.clock, options.relative,
    )  # fmt: skip


def _arrays(found: Mapping[str, SampledRun]) -> Iterator[tuple[str, np.ndarray]]:
    for rung, run in found.items():
        for signal in ("states", "outputs"):
            for label, array in getattr(run, signal).items():
                yield f"{rung}.{signal}.{label}", array


def _read(run: ImageRun) -> dict[str, SampledRun] | None:
    """What was simulated; None where there is nothing, or what a new simulation would change."""
    path = run.path / STEPS
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as opened:
            if (opened.metadata() or {}).get("basis") != _basis(run):
                return None
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        found = {
            rung: {
                signal: {
                    name.removeprefix(f"{rung}.{signal}."): array
                    for name, array in arrays.items()
                    if name.startswith(f"{rung}.{signal}.")
                }
                for signal in ("states", "outputs")
            }
            for rung in MEANINGS
        }
        return {rung: SampledRun(**signals) for rung, signals in found.items()}
    except (OSError, SafetensorError, ValueError) as error:
        raise StorageError(
            f"{path}: the file is damaged ({error}); delete it, and `excitable simulate {run.path}` makes it anew"
        ) from None
