"""A trained network for the page: its neurons, its ladder, waveforms of model and circuit. Read only."""

from collections.abc import Callable
from typing import Any

import numpy as np

from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer, Projection
from conductance.neurons.base import Neuron
from excitable.ladder.rungs import Waveforms, load_waveforms
from excitable.runs.folder import COMPARISON, WAVEFORMS
from excitable.runs.series import SeriesRun
from excitable.runs.stages.belonging import stale_results
from excitable.studio.catalogue import Catalogue, signature
from netlists.comparison import Ladder

SHOWN_SAMPLES = 1500
SHOWN_NEURONS = 16
LARGEST_LAYER = 256


def network_view(run: SeriesRun | None, offered: Catalogue) -> dict[str, Any]:
    """Everything that the Network tab shows.

    Raises:
        RunError, StorageError: the folder holds no trained network, or one of another version.
    """
    if run is None:
        return {
            "error": "No run was opened. Close the studio and open it with one: excitable shape --run demo"
        }
    network = run.network()
    layers = []
    bias: np.ndarray | None = None
    for name, layer in network.chain.items():
        if isinstance(layer, Projection):
            bias = layer.biases().detach().numpy()
            continue
        if not isinstance(layer, NeuronLayer):
            continue
        key = _key(layer.neuron, offered)
        if key is not None and layer.neuron.elements:
            layers.append(_layer(name, layer, key, bias))
    problems: list[str] = []
    return {
        "words": f"The network of {run.path.name}, as trained. Nothing here changes the run.",
        "layers": layers,
        "ladder": _unless_damaged(_ladder, run, problems) or [],
        "waveforms": _unless_damaged(_waveforms, run, problems),
        "problems": problems,
    }


def _unless_damaged(read: Callable[[SeriesRun], Any], run: SeriesRun, problems: list[str]) -> Any:
    """What was read; None, and one more problem, where it cannot be: one damaged file hides no other."""
    try:
        return read(run)
    except ExcitableError as error:
        problems.append(str(error))
        return None


def _key(neuron: Neuron, offered: Catalogue) -> str | None:
    return next((key for key, known in offered.models.items() if signature(known) == signature(neuron)), None)


def _layer(name: str, layer: NeuronLayer, key: str, bias: np.ndarray | None) -> dict[str, Any]:
    values = {name: column.detach().double().numpy() for name, column in layer.values().items()}
    neurons = []
    for index in range(min(layer.size, LARGEST_LAYER)):
        own = {parameter: float(column[index]) for parameter, column in values.items()}
        held = 0.0 if bias is None else float(bias[index])
        neurons.append(
            {
                "values": own,
                "bias": held,
                "input": f"{held:.3g}",
            }
        )
    shown = [parameter for parameter, column in values.items() if np.ptp(column) > 0]
    return {"name": name, "neuron": layer.neuron.name, "model": key, "neurons": neurons, "shown": shown}


def _ladder(run: SeriesRun) -> list[list[str]]:
    path = run.path / COMPARISON
    if not path.is_file() or COMPARISON in stale_results(run.path).names:
        return []
    rows = []
    for step in Ladder.from_json(path.read_bytes()).adjacent:
        spikes = sum(neuron.reference_spikes for neuron in step.neurons)
        wrong = sum(neuron.missing + neuron.extra for neuron in step.neurons)
        rms = float(np.sqrt(np.mean([neuron.rms_v0**2 for neuron in step.neurons])))
        rows.append([step.reference, step.candidate, f"{rms:.3g} V0", str(spikes), str(wrong)])
    return rows


def _waveforms(run: SeriesRun) -> dict[str, Any] | None:
    path = run.path / WAVEFORMS
    if not path.is_file() or WAVEFORMS in stale_results(run.path).names:
        return None
    rungs = load_waveforms(path)
    return _sampled(rungs) if rungs else None


def _sampled(rungs: list[Waveforms]) -> dict[str, Any]:
    """Few enough samples and neurons for a page, every rung at the same instants."""
    first = rungs[0]
    time = np.linspace(first.time[0], first.time[-1], SHOWN_SAMPLES)
    names = first.neurons[:SHOWN_NEURONS]
    return {
        "time": np.round(time, 4).tolist(),
        "neurons": list(names),
        "rungs": [
            {
                "name": rung.rung,
                "voltage": [
                    np.round(np.interp(time, rung.time, rung.membrane[:, index]), 4).tolist()
                    for index in range(len(names))
                ],
            }
            for rung in rungs
        ],
    }
