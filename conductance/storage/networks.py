"""A network as two files: `model.json` says what it is, `model.safetensors` holds its numbers."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as bytes_of_tensors

from conductance.errors import ExcitableError
from conductance.files import StorageError, readable_json, write_whole
from conductance.layers import Code, NeuronLayer, Projection, Recurrence
from conductance.layers.fixed import AveragePool, Delay, FixedLayer, Skip
from conductance.layers.initial import BEGIN
from conductance.layers.neurons import CLOCK
from conductance.networks.chain import Layer, Network
from conductance.networks.synapses import SynapseNoise
from conductance.storage.declarations import decode_neuron, encode_neuron, faults_of
from conductance.storage.documents import (
    FixedDocument,
    ModelDocument,
    NeuronLayerDocument,
    ProjectionDocument,
)

VERSION = 1
"""Version of the form of `model.json`; raised when an older reader would misread a newer file."""
STRUCTURE = "model.json"
WEIGHTS = "model.safetensors"
DTYPES = {"float32": torch.float32, "float64": torch.float64}
FIXED: dict[str, type[FixedLayer]] = {kind.kind: kind for kind in (AveragePool, Delay, Skip)}
"""The layers without numbers by their kind in the file."""
MOST_WEIGHTS = 250_000_000
"""Numbers of one layer: a gigabyte."""


def save_network(network: Network, folder: Path) -> None:
    """Write `model.json` and `model.safetensors` into an existing folder.

    Raises:
        StorageError: values that are not finite or outside their bounds, an expression that files do not know,
            or a file that cannot be written.
    """
    check_network(network, owner=f"{folder}: the network to be saved")
    document = network_document(network)
    weights = bytes_of_tensors(
        {
            name: tensor.detach().cpu().contiguous()
            for name, tensor in network.state_dict().items()
            if _is_number(name)
        }
    )
    whole = {**document, "digest": _digest(document, weights)}
    write_whole(Path(folder) / WEIGHTS, weights)
    write_whole(Path(folder) / STRUCTURE, readable_json(whole) + "\n")


def _digest(document: dict[str, Any], weights: bytes) -> str:
    """Of both files of a network, so that a changed bit of either is found and neither is taken for another's."""
    known = {name: value for name, value in document.items() if name != "digest"}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode() + weights).hexdigest()


def load_network(folder: Path) -> Network:
    """Build the network that `save_network` wrote, with the same numbers, bit by bit.

    Raises:
        StorageError: a missing or damaged file, an unknown version, weights that do not fit, are not finite or
            lie outside their bounds.
    """
    folder = Path(folder)
    document = _document(folder / STRUCTURE)
    weights = read_tensors(folder / WEIGHTS)
    network = _built(document, folder / STRUCTURE)
    _fill(network, weights, folder / WEIGHTS)
    check_network(network, owner=str(folder / WEIGHTS))
    # last, because what is wrong with a number says more than that something is
    if document.digest is not None and document.digest != _stored_digest(folder):
        raise StorageError(
            f"{folder}: {STRUCTURE} and {WEIGHTS} do not belong together, or one of them is damaged: their digest is "
            f"another. Take both from a copy, or train again"
        )
    return network


def _stored_digest(folder: Path) -> str:
    return _digest(read_json(folder / STRUCTURE), (folder / WEIGHTS).read_bytes())


def network_document(network: Network) -> dict[str, Any]:
    """What a network is, without its numbers, as JSON data."""
    _refuse_changed(network)
    dtypes = {tensor.dtype for name, tensor in network.state_dict().items() if _is_number(name)}
    names = [name for name, dtype in DTYPES.items() if dtypes <= {dtype}]
    if not names:
        raise StorageError(
            f"network: its numbers have types {sorted(map(str, dtypes))}; make all float32 or float64"
        )
    layers = []
    for name, layer in network.chain.items():
        if isinstance(layer, Projection):
            layers.append(
                {
                    "kind": "projection",
                    "name": name,
                    "inputs": layer.inputs,
                    "outputs": layer.outputs,
                    **_bits(layer.code),
                    **(
                        {"noise": asdict(network.synapse_noise[name])}
                        if name in network.synapse_noise
                        else {}
                    ),
                }
            )
        elif isinstance(layer, FixedLayer):
            layers.append({"kind": layer.kind, "name": name, "size": layer.size, **layer.options()})
        else:
            layers.append(_neuron_layer_document(name, layer))
    return {"format": "excitable model", "version": VERSION, "dtype": names[0], "layers": layers}


def _bits(code: Code | None) -> dict[str, int]:
    """The bits of a code, where there is one: files of other networks stay as they were."""
    return {} if code is None else {"bits": code.bits}


def _is_number(name: str) -> bool:
    """Whether an entry of the state is a number of the network: a layer's clock stands in `model.json`."""
    return not name.endswith(f".{CLOCK}")


def _refuse_changed(network: Network) -> None:
    """Raise `StorageError` where a layer holds more or less than its kind does: the file could not be loaded again."""
    for label, layer in network.chain.items():
        own = {"weight", "bias"} if isinstance(layer, Projection) else set()
        if isinstance(layer, NeuronLayer):
            own = {f"raw_{parameter.name}" for parameter in layer.neuron.parameters} | {CLOCK}
            own |= {f"{BEGIN}{name}" for name in layer.initial}
            if layer.recurrent is not None:
                own |= {"recurrent.weight"} | (
                    {"recurrent.mask"} if layer.recurrent.mask is not None else set()
                )
        found = set(layer.state_dict())
        if found != own:
            strange, missing = ", ".join(sorted(found - own)), ", ".join(sorted(own - found))
            parts = [f"also holds {strange}"] * bool(strange) + [f"lacks {missing}"] * bool(missing)
            raise StorageError(
                f"network: layer {label} {' and '.join(parts)}, which its file has no place for. Make it plain first: "
                f"torch.nn.utils.parametrize.remove_parametrizations (weight_norm, spectral_norm), "
                f"torch.nn.utils.prune.remove (a mask), a bias of zeros instead of none, and no buffers of your own"
            )


def _neuron_layer_document(name: str, layer: NeuronLayer) -> dict[str, Any]:
    trained = {key for key, _ in layer.named_parameters()}
    own = layer.recurrent
    recurrent = {} if own is None else {
        "recurrent": {
            "source": own.source, "tau": own.tau, "trainable": own.trainable, "sparse": own.mask is not None,
            **_bits(own.code),
        }
    }  # fmt: skip
    return {
        "kind": "neurons",
        "name": name,
        "size": layer.size,
        "dt": layer.dt,
        "method": layer.rule.method,
        "trainable": [p.name for p in layer.neuron.parameters if f"raw_{p.name}" in trained],
        "neuron": encode_neuron(layer.neuron),
        **({} if layer.law is layer.neuron else {"law": encode_neuron(layer.law)}),
        **recurrent,
        **({"initial": list(layer.initial)} if layer.initial else {}),
    }


def network_of(document: dict[str, Any], owner: str) -> Network:
    """The network that a document describes, as `network_document` gives it, with numbers that are still to be filled.

    Raises:
        StorageError: it is no such document.
    """
    try:
        return _built(ModelDocument.model_validate(document), Path(owner))
    except ValidationError as error:
        raise StorageError(f"{owner}: this is no model: {faults_of(error)}") from None


def check_network(network: Network, *, owner: str) -> None:
    """Raise `StorageError` for the first number that is not finite or that its declaration does not allow."""
    for label, layer in network.chain.items():
        # a neuron's free numbers may be infinite where its value lies on a bound, so its values count
        numbers = layer.values() if isinstance(layer, NeuronLayer) else layer.state_dict()
        if isinstance(layer, NeuronLayer):
            numbers |= {f"initial.{name}": column for name, column in layer.initial.items()}
        if isinstance(layer, NeuronLayer) and layer.recurrent is not None:
            numbers["recurrent.weight"] = layer.recurrent.weight
        for name, tensor in numbers.items():
            if not bool(torch.isfinite(tensor).all()):
                place = (~torch.isfinite(tensor)).nonzero()[0].tolist()
                raise StorageError(
                    f"{owner}: layer {label}, {name}{place} is {float(tensor[tuple(place)].detach())}; "
                    f"every number must be finite. Take the file from a copy, or delete it and train again"
                )
        if isinstance(layer, NeuronLayer):
            try:
                layer.check_values()
            except ExcitableError as error:
                raise StorageError(f"{owner}: layer {label}: {error}") from None


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file.

    Raises:
        StorageError: the file is missing or damaged.
    """
    try:
        return load_tensors(path.read_bytes())
    except OSError as error:
        raise StorageError(
            f"{path}: the file cannot be read ({error.strerror}); train the network first"
        ) from None
    except SafetensorError as error:
        raise StorageError(
            f"{path}: the file is damaged ({error}); take it from a copy, or delete it and train again"
        ) from None


def read_json(path: Path) -> Any:
    """The data of a JSON file without NaN or infinities.

    Raises:
        StorageError: the file is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise StorageError(
            f"{path}: the file cannot be read ({error.strerror}); train the network first"
        ) from None
    except (ValueError, RecursionError) as error:
        raise StorageError(
            f"{path}: the file is damaged ({error}); take it from a copy, or train again"
        ) from None


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _document(path: Path) -> ModelDocument:
    data = read_json(path)
    version = data.get("version") if isinstance(data, dict) else None
    if isinstance(version, int) and version != VERSION:
        raise StorageError(
            f"{path}: the model has version {version} and this program reads version {VERSION}; "
            f"install the excitable that wrote it, or train again"
        )
    try:
        return ModelDocument.model_validate(data)
    except ValidationError as error:
        raise StorageError(f"{path}: this is no model: {faults_of(error)}") from None


def _built(document: ModelDocument, path: Path) -> Network:
    layers: dict[str, Layer] = {}
    for entry in document.layers:
        if entry.name in layers:
            raise StorageError(f"{path}: two layers are named {entry.name}; rename one")
        try:
            layers[entry.name] = _layer(entry)
        except ExcitableError as error:
            raise StorageError(f"{path}: layer {entry.name}: {error}") from None
    try:
        noise = {
            entry.name: SynapseNoise(**entry.noise.model_dump())
            for entry in document.layers
            if isinstance(entry, ProjectionDocument) and entry.noise is not None
        }
        return Network(layers, synapse_noise=noise).to(DTYPES[document.dtype])
    except ExcitableError as error:
        raise StorageError(f"{path}: {error}") from None


def _layer(entry: ProjectionDocument | NeuronLayerDocument | FixedDocument) -> Layer:
    if isinstance(entry, FixedDocument):
        given = entry.model_dump(exclude={"kind", "name"})
        return FIXED[entry.model_dump()["kind"]](**given)
    if isinstance(entry, ProjectionDocument):
        if entry.inputs * entry.outputs > MOST_WEIGHTS:
            raise StorageError(f"{entry.outputs} x {entry.inputs} weights; a layer may have {MOST_WEIGHTS}")
        # a generator of its own: loading must not move the caller's random numbers
        return Projection(entry.inputs, entry.outputs, generator=torch.Generator(), code=_code(entry.bits))
    neuron = decode_neuron(entry.neuron)
    recurrent = None
    if entry.recurrent is not None:
        own = entry.recurrent
        if entry.size**2 > MOST_WEIGHTS:
            raise StorageError(
                f"{entry.size} x {entry.size} recurrent weights; a layer may have {MOST_WEIGHTS}"
            )
        # ones, so that a sparse one has a mask to be filled
        recurrent = Recurrence(
            torch.ones(entry.size, entry.size), source=own.source, tau=own.tau, trainable=own.trainable,
            sparse=own.sparse, code=_code(own.bits),
        )  # fmt: skip
    return NeuronLayer(
        neuron, entry.size, dt=entry.dt, method=entry.method, trainable=entry.trainable, recurrent=recurrent,
        initial=dict.fromkeys(entry.initial, 0.0), law=None if entry.law is None else decode_neuron(entry.law),
    )  # fmt: skip


def _code(bits: int | None) -> Code | None:
    return None if bits is None else Code(bits=bits)


def _fill(network: Network, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    expected = {name: tensor for name, tensor in network.state_dict().items() if _is_number(name)}
    faults = [f"{name} is missing" for name in expected if name not in weights]
    faults += [f"{name} is unknown" for name in weights if name not in expected]
    for name, tensor in expected.items():
        given = weights.get(name)
        if given is not None and (given.shape, given.dtype) != (tensor.shape, tensor.dtype):
            faults.append(
                f"{name} is {given.dtype} of shape {tuple(given.shape)} "
                f"and should be {tensor.dtype} of shape {tuple(tensor.shape)}"
            )
    if faults:
        raise StorageError(f"{path}: the numbers do not fit {STRUCTURE}: {'; '.join(faults)}")
    network.load_state_dict(weights)
