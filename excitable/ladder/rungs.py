"""The rungs of the error ladder: one network on one input, computed as model, as equation and as circuit."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from circuits.data.levels import MIXED
from circuits.data.scaling import Scaling
from circuits.networks.continuous import NetworkCircuit
from conductance.errors import ExcitableError, extra
from conductance.files import typed
from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.networks.continuous import integrate_network
from conductance.neurons.spiking import is_spiking, spike_threshold
from conductance.storage import StorageError

TIGHT, LOOSER = 1e-7, 1e-5
"""Relative tolerances with which the continuous equation is solved. Held values restart the solver every dt, so that
membranes of 64 MTC neurons over 60 tau_m are right to 2e-8 and 3e-8 V0 with them; the looser one costs 0.58 times the
tighter. What they differ by is large only where a neuron magnifies it."""
SAMPLES_PER_STEP = 4
"""Samples of the continuous rungs per model step: spike times from them are good to 0.001 tau_m."""

MEASURED = "measured"
"""The rung of the measured law: what sweeps of a network's cells say that its transistors do."""
MEANINGS: Mapping[str, str] = {
    "discrete": "the trained model: its own update rule in steps of dt",
    "continuous": "the same equation in continuous time, solved at tight tolerance (scipy)",
    "behavioural": "the netlist in ngspice: capacitors, and sources that state the equation",
    MIXED: "the netlist with some of its layers or neurons made of amplifiers",
    "macromodel": "the netlist of amplifiers described by gain, offset, V0, output resistance, rails and capacitances",
    MEASURED: "the network stepped by the law that its transistors were measured to follow",
    "transistor": "the netlist of subthreshold transistors, calibrated by DC sweeps",
}
CIRCUIT_RUNGS = tuple(name for name in MEANINGS if name not in ("discrete", "continuous", MEASURED))
"""The rungs that are simulated in ngspice, from the nearest to the model on."""


def witness_rung(rung: str, simulator: str) -> str:
    """Name of the rung that is the same circuit in a second simulator."""
    return f"{rung}_by_{simulator}"


def meaning_of(rung: str) -> str:
    """What a rung is, in words."""
    base, _, simulator = rung.partition("_by_")
    return (
        f"the netlist of {base} once more, in {simulator} as a witness"
        if simulator
        else MEANINGS.get(rung, rung)
    )


@dataclass(frozen=True, kw_only=True)
class Waveforms:
    """What one rung does on the held-out input, in the model's units.

    Attributes:
        rung: its name.
        time: (sample,), in tau_m, from 0.
        membrane: (sample, neuron), U_m of every spiking neuron in V0.
        output: (sample, feature), the network's output.
        neurons: one name per neuron, `<layer>_<index>`.
        basis: digest of all that decides the rung: of the same basis, it need not be computed again.
        again: (sample, neuron), the membrane solved with another tolerance: by what spikes differ, they are in doubt.
            None of a rung that is computed once.
    """

    rung: str
    time: np.ndarray
    membrane: np.ndarray
    output: np.ndarray
    neurons: tuple[str, ...]
    basis: str = ""
    again: np.ndarray | None = None

    def prediction(self, dt: float, steps: int) -> np.ndarray:
        """The output at the end of every model step, (step, feature)."""
        ends = dt * np.arange(1, steps + 1)
        return np.stack([np.interp(ends, self.time, column) for column in self.output.T], axis=1)

    def dataset(self) -> xr.Dataset:
        """The same with labelled axes, as stored in `waveforms.nc`."""
        membranes = {"membrane": self.membrane}
        if self.again is not None:
            membranes["membrane_again"] = self.again
        return xr.Dataset(
            {
                **{
                    name: (("time", "neuron"), values.astype(np.float32), {"unit": "V0"})
                    for name, values in membranes.items()
                },
                "output": (("time", "feature"), self.output.astype(np.float32), {"unit": "1"}),
            },
            coords={"time": ("time", self.time, {"unit": "tau_m"}), "neuron": list(self.neurons)},
            attrs={
                "rung": self.rung,
                "meaning": meaning_of(self.rung),
                "basis": self.basis,
            },
        ).pipe(_with_digest)

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> "Waveforms":
        """The inverse of `dataset`.

        Raises:
            ValueError: numbers that are not those that were written.
        """
        if "digest" in data.attrs and data.attrs["digest"] != _digest(data):
            raise ValueError(f"the numbers of rung {data.attrs.get('rung')} are not those that were written")
        return cls(
            rung=str(data.attrs["rung"]),
            time=data["time"].to_numpy(),
            membrane=data["membrane"].to_numpy().astype(float),
            output=data["output"].to_numpy().astype(float),
            neurons=tuple(str(name) for name in data["neuron"].to_numpy()),
            basis=str(data.attrs.get("basis", "")),
            again=data["membrane_again"].to_numpy().astype(float) if "membrane_again" in data else None,
        )


def _digest(data: xr.Dataset) -> str:
    """Of all that a rung's dataset says."""
    digest = hashlib.sha256(json.dumps([str(data.attrs.get("rung")), str(data.attrs.get("basis"))]).encode())
    for name in ("time", "neuron", *sorted(map(str, data.data_vars))):
        values = data[name].to_numpy()
        text = values.dtype.kind in "OUST"
        digest.update(name.encode())
        digest.update(json.dumps([str(value) for value in values]).encode() if text else values.tobytes())
    return digest.hexdigest()


def _with_digest(data: xr.Dataset) -> xr.Dataset:
    return data.assign_attrs(digest=_digest(data))


def spiking_layers(network: Network) -> dict[str, NeuronLayer]:
    """The layers whose membranes are compared: all neuron layers but the linear ones."""
    return {
        name: layer
        for name, layer in network.chain.items()
        if isinstance(layer, NeuronLayer) and is_spiking(layer.neuron)
    }


def layer_threshold(layer: NeuronLayer) -> float:
    """The membrane voltage in V0 at which the layer's first neuron spikes."""
    values = {name: float(value.detach()[0]) for name, value in layer.values().items()}
    return spike_threshold(layer.neuron, values)


def network_threshold(network: Network) -> float:
    """The membrane voltage in V0 by which a network's spikes are counted: of its first spiking layer."""
    return layer_threshold(next(iter(spiking_layers(network).values())))


def neuron_names(network: Network) -> tuple[str, ...]:
    """`<layer>_<index>` of every spiking neuron, layer by layer."""
    return tuple(f"{name}_{k}" for name, layer in spiking_layers(network).items() for k in range(layer.size))


def discrete_rung(
    network: Network, inputs: np.ndarray, *, dt: float, noise_seed: int | None = None
) -> Waveforms:
    """Run the model itself on inputs (time, feature), in the model's own precision; `noise_seed` is of its noise."""
    layers = spiking_layers(network)
    dt = network.clock(dt)
    dtype = next(network.parameters()).dtype
    record: dict = {}
    with torch.no_grad():
        output, _ = network(torch.as_tensor(inputs, dtype=dtype)[:, None], record=record, seed=noise_seed)
    membrane = [
        np.stack(
            [layer.initial_state(1)[0][0].detach().numpy()]
            + [states[0][0].numpy() for states in record[f"{name}.states"]]
        )
        for name, layer in layers.items()
    ]
    first = np.zeros((1, output.shape[2]))
    return Waveforms(
        rung="discrete",
        time=dt * np.arange(len(inputs) + 1),
        membrane=np.concatenate(membrane, axis=1).astype(float),
        output=np.concatenate([first, output[:, 0].double().numpy()]),
        neurons=neuron_names(network),
    )


def continuous_rung(
    network: Network, inputs: np.ndarray, *, dt: float, progress: Callable[[int, int], None] | None = None
) -> Waveforms:
    """Solve the network's differential equations on inputs (time, feature), each held for dt, with two tolerances."""
    looser = integrate_network(network, inputs, dt=dt, samples_per_step=SAMPLES_PER_STEP, rtol=LOOSER)
    solved = integrate_network(
        network, inputs, dt=dt, samples_per_step=SAMPLES_PER_STEP, rtol=TIGHT, progress=progress
    )
    return Waveforms(
        rung="continuous",
        time=solved.time,
        membrane=np.concatenate([solved.states[name][:, 0] for name in spiking_layers(network)], axis=1),
        output=_projected(network, solved.outputs),
        neurons=neuron_names(network),
        again=np.concatenate([looser.states[name][:, 0] for name in spiking_layers(network)], axis=1),
    )


def _projected(network: Network, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The network's output (sample, feature): that of its last neuron layer, through the projections behind it."""
    label, signal = list(outputs.items())[-1]
    names = list(network.chain)
    for name in names[names.index(label) + 1 :]:
        layer = network.chain[name]
        if isinstance(layer, Projection):
            weight, bias = (value.detach().double().numpy() for value in (layer.weights(), layer.biases()))
            signal = signal @ weight.T + bias
    return signal


def circuit_rung(
    network: Network,
    parts: list[NetworkCircuit],
    waveforms: list[xr.Dataset],
    *,
    dt: float,
    steps: int,
    scaling: Scaling,
    rung: str = "behavioural",
) -> Waveforms:
    """Put the parts of a simulated network together, on the grid of the continuous rung, in the model's units.

    The outputs of the parts add up, since all that follows their neurons is linear.
    """
    time = dt / SAMPLES_PER_STEP * np.arange(steps * SAMPLES_PER_STEP + 1)
    seconds = time * scaling.time_unit
    membranes: dict[str, np.ndarray] = {}
    output = np.zeros((len(time), len(parts[0].outputs)))
    spiking = spiking_layers(network)
    for part, data in zip(parts, waveforms, strict=True):
        grid = data["time"].to_numpy()
        read = {node: data["voltage"].sel(node=node).to_numpy() for node in data["node"].to_numpy()}
        for name in spiking:
            for node in part.membranes[name]:
                neuron = node.rsplit("_", 1)[0]
                membranes[neuron] = np.interp(seconds, grid, read[node]) / scaling.voltage_unit
        for column, node in enumerate(part.outputs):
            output[:, column] += np.interp(seconds, grid, read[node]) / scaling.voltage_unit
    names = neuron_names(network)
    missing = [name for name in names if name not in membranes]
    if missing:
        raise ExcitableError(f"the simulated parts lack neurons {', '.join(missing[:3])}; simulate all parts")
    return Waveforms(
        rung=rung,
        time=time,
        membrane=np.stack([membranes[name] for name in names], axis=1),
        output=output,
        neurons=names,
    )


def save_waveforms(rungs: list[Waveforms], path: Path) -> None:
    """Write all rungs into one NetCDF file, a group each; the caller makes the write whole."""
    for index, rung in enumerate(rungs):
        rung.dataset().to_netcdf(path, mode="a" if index else "w", group=rung.rung, engine="h5netcdf")


def load_waveforms(path: Path, names: tuple[str, ...] | None = None) -> list[Waveforms]:
    """Read the rungs of a run's file in the order of the ladder.

    Raises:
        StorageError: the file is damaged.
    """
    with extra("report"):
        import h5netcdf

    try:
        with h5netcdf.File(path, "r") as file:
            groups = [name for name in (names or MEANINGS) if name in file.groups]
        sets = [xr.load_dataset(path, group=name, engine="h5netcdf") for name in groups]
        return [Waveforms.from_dataset(each) for each in sets]
    except (OSError, KeyError, ValueError) as error:
        raise StorageError(
            f"{path}: it cannot be read ({error}); `excitable simulate {typed(path.parent)}` makes it anew"
        ) from None
