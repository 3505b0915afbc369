"""NIR files: chains of Affine, Linear and leaky neurons with loops of one step, read with a time step and a convention.

A file that we wrote carries our own description beside NIR's nodes, and comes back bit by bit.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from conductance.errors import extra
from conductance.exchange.conventions import CONVENTIONS, Convention, ExchangeError, convention_of
from conductance.exchange.delays import delay_node, delay_of
from conductance.exchange.linear_nodes import linear_kinds, linear_node
from conductance.layers import NeuronLayer, Projection, Recurrence
from conductance.layers.fixed import Delay, FixedLayer
from conductance.networks import Network
from conductance.networks.chain import Layer
from conductance.neurons import accumulator, lif, low_pass
from conductance.neurons.spiking import is_linear
from conductance.storage.networks import network_document, network_of

OURS = "excitable"
"""The entry of the Input node's metadata with our own description."""
SAME = 1e-4
"""Largest relative difference between NIR's numbers and ours in a file that nobody has edited."""


def write_nir(network: Network, path: Path, *, dt: float = 1e-4) -> None:
    """Write a network of `clocked_lif` layers as a NIR file.

    Args:
        network: projections, each before a layer of `clocked_lif`, with recurrent weights from the output or without.
        path: of the file.
        dt: the model's step in s, by which decays become time constants: tau = dt/(1 - beta).

    Raises:
        ExchangeError: NIR is not installed, or a layer has no form in it (MTC, QIF: it has no such node).
    """
    nir = _library()
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    entry, exit_ = _free("input", network), _free("output", network)
    last = entry
    for name, layer in network.chain.items():
        if isinstance(layer, Projection):
            weight, bias = (t.detach().cpu().numpy() for t in (layer.weights(), layer.biases()))
            nodes[name] = nir.Affine(weight=weight, bias=bias)
        elif isinstance(layer, FixedLayer):
            nodes[name] = delay_node(nir, name, layer, dt)
        elif is_linear(layer.neuron):
            *before, final_ = _sections(nir, name, layer, dt)
            for number, section in enumerate(before, 1):
                nodes[f"{name}_{number}"] = section
                edges.append((last, f"{name}_{number}"))
                last = f"{name}_{number}"
            nodes[name] = final_
        else:
            nodes[name] = _node(nir, name, layer, dt)
            if layer.recurrent is not None:
                loop = f"{name}_loop"
                nodes[loop] = nir.Linear(weight=_loop_weights(name, layer.recurrent))
                edges += [(name, loop), (loop, name)]
        edges.append((last, name))
        last = name
    first, final = next(iter(network.chain.values())), network.chain[last]
    inputs = first.size if isinstance(first, NeuronLayer) else first.inputs
    outputs = final.size if isinstance(final, NeuronLayer) else final.outputs
    own = {
        "document": network_document(network),
        "numbers": {
            name: tensor.detach().double().cpu().tolist() for name, tensor in network.state_dict().items()
        },
        "dt": dt,
    }
    nodes[entry] = nir.Input({"input": np.array([inputs])}, metadata={OURS: json.dumps(own)})
    nodes[exit_] = nir.Output({"output": np.array([outputs])})
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=[*edges, (last, exit_)]))


def read_nir(path: Path, *, dt: float | None = None, convention: str | None = None) -> Network:
    """The network of a NIR file.

    Args:
        path: of the file.
        dt: the step in s, by which time constants become decays: beta = 1 - dt/tau. Of a file of ours not needed.
        convention: a name of `CONVENTIONS`; of a file of ours not needed.

    Raises:
        ExchangeError: NIR is not installed, the file is none, a node that we do not have, a graph that is no chain, a
            step longer than a time constant, or a step or convention that is missing.
    """
    nir = _library()
    if not path.is_file():
        raise ExchangeError(f"{path}: there is no such file")
    try:
        graph = nir.read(path)
    except (OSError, KeyError, ValueError, AssertionError) as error:
        raise ExchangeError(f"{path}: it cannot be read as NIR ({error})") from None
    own = _own(graph)
    if own is not None:
        return _ours(graph, own, path)
    if dt is None or convention is None:
        words = (
            (dt, "dt, the step in s"),
            (convention, f"convention, which library's steps are meant ({', '.join(CONVENTIONS)})"),
        )
        missing = ", and ".join(word for value, word in words if value is None)
        raise ExchangeError(f"{path}: the file states equations in continuous time; give {missing}")
    if convention not in CONVENTIONS:
        raise ExchangeError(f"convention {convention!r} is unknown; allowed are {', '.join(CONVENTIONS)}")
    graph = flattened(nir, graph)
    chain, loops, shape = _ordered(nir, graph, path)
    layers: dict[str, Layer] = {}
    for name in chain:
        node, label = graph.nodes[name], _identifier(name)
        if isinstance(node, linear_kinds(nir)):
            made, shape = linear_node(nir, name, node, shape)
            if made is not None:
                layers[label] = made
            continue
        if isinstance(node, nir.Delay):
            layers[label] = delay_of(name, node, math.prod(shape), dt)
            continue
        before = next(reversed(layers.values()), None)
        loop, bias = loops.get(name, (None, None))
        if bias is not None:
            _take_bias(name, bias, before)
        width = math.prod(shape)
        if isinstance(node, nir.LI | nir.I) and isinstance(before, Projection):
            layers[label] = _filter(nir, name, node, dt, before)
        else:
            layers[label] = _neurons(nir, name, node, dt, CONVENTIONS[convention], loop, width)
    return Network(layers)


def _free(name: str, network: Network) -> str:
    """A node's name that no layer has."""
    return name if name not in network.chain else _free(f"{name}_node", network)


def _take_bias(name: str, bias: np.ndarray, before: object) -> None:
    """Put the bias of a loop, which flows in every step, into the projection before the neurons."""
    if not isinstance(before, Projection):
        raise ExchangeError(f"node {name}: the loop's bias needs an Affine before the neurons; give one")
    with torch.no_grad():
        before.bias.add_(torch.as_tensor(bias, dtype=before.bias.dtype))


def _library() -> Any:
    with extra("nir"):
        import nir
    return nir


def _node(nir: Any, name: str, layer: NeuronLayer, dt: float) -> Any:
    """A layer as a node; its numbers are those of the continuous equation that forward Euler at dt gives back."""
    found = convention_of(layer.neuron)
    values = {key: value.detach().double().cpu().numpy() for key, value in layer.values().items()}
    if layer.neuron.states == lif().states and layer.neuron.event is not None:
        rest = values["U_rest"]
        tau = values["tau_m"] * dt / layer.dt
        return nir.LIF(tau=tau, r=values["R"], v_leak=rest, v_threshold=values["theta"], v_reset=rest)
    if found is None:
        raise ExchangeError(
            f"layer {name}: NIR has no node for neuron {layer.neuron.name}; it holds lif and clocked_lif, with a "
            f"synaptic current or without. Keep the network as model.json and model.safetensors (save_network)"
        )
    beta, gain, bias = values["beta"], values["gain"], values["bias"]
    zero = np.zeros(layer.size)
    reset = values.get("u_reset", zero)
    if np.all(beta == 1) and np.all(bias == 0) and found.current == "none" and found.reset != "none":
        return nir.IF(r=gain / dt, v_threshold=values["theta"], v_reset=reset)
    if np.any(beta >= 1):
        raise ExchangeError(f"layer {name}: beta = {beta.max():g} has no time constant; it must be below 1")
    tau = dt / (1 - beta)
    common = {"r": gain * tau / dt, "v_leak": bias * tau / dt}
    spiking = {} if found.reset == "none" else {"v_threshold": values["theta"], "v_reset": reset}
    if found.current == "none":
        return (nir.LIF if spiking else nir.LI)(tau=tau, **common, **spiking)
    tau_syn = dt / (1 - values["alpha"])
    kind = nir.CubaLIF if spiking else nir.CubaLI
    return kind(tau_mem=tau, tau_syn=tau_syn, w_in=values["inlet"] * tau_syn / dt, **common, **spiking)


def _sections(nir: Any, name: str, layer: NeuronLayer, dt: float) -> list[Any]:
    """A low-pass as leaky integrators, one for each section, or an accumulator as one."""
    values = {key: value.detach().double().cpu().numpy() for key, value in layer.values().items()}
    order, one, zero = len(layer.neuron.states), np.ones(layer.size), np.zeros(layer.size)
    if layer.neuron.states == low_pass(order=order).states:
        tau = values["tau"] * dt / layer.dt
        return [nir.LI(tau=tau, r=one, v_leak=zero) for _ in range(order)]
    if layer.neuron.states == accumulator().states and np.all(values["keep"] < 1):
        tau = dt / (1 - values["keep"])
        return [nir.LI(tau=tau, r=tau / dt, v_leak=zero)]
    if layer.neuron.states == accumulator().states and np.all(values["keep"] == 1):
        return [nir.I(r=one / dt)]
    raise ExchangeError(
        f"layer {name}: NIR has no node for filter {layer.neuron.name}; it holds low_pass and accumulator"
    )


def _loop_weights(name: str, recurrent: Recurrence) -> np.ndarray:
    if recurrent.source != "output" or recurrent.tau is not None:
        raise ExchangeError(
            f"layer {name}: NIR's loops carry spikes; its recurrent weights read {recurrent.source}"
        )
    return recurrent.weights().detach().cpu().numpy()


def _own(graph: Any) -> dict[str, Any] | None:
    for node in graph.nodes.values():
        text = (node.metadata or {}).get(OURS)
        if text is not None:
            return json.loads(text.decode() if isinstance(text, bytes) else str(text))
    return None


def _ours(graph: Any, own: dict[str, Any], path: Path) -> Network:
    """A network that we wrote, if NIR's nodes still say the same."""
    network = network_of(own["document"], str(path))
    known = network.state_dict()
    network.load_state_dict(
        {name: torch.tensor(numbers, dtype=known[name].dtype) for name, numbers in own["numbers"].items()}
    )
    for name, layer in network.chain.items():
        node = graph.nodes.get(name)
        if isinstance(layer, Projection):
            pairs: dict[str, torch.Tensor] = {"weight": layer.weights(), "bias": layer.biases()}
        elif isinstance(layer, Delay):
            pairs = {"delay": torch.tensor(layer.steps, dtype=torch.float64) * own["dt"]}
        elif isinstance(layer, FixedLayer):
            continue
        else:
            values = layer.values()
            pairs = {"v_threshold": values["theta"]} if hasattr(node, "v_threshold") else {}
        for key, tensor in pairs.items():
            given = getattr(node, key, None)
            if given is None or not np.allclose(
                given, tensor.detach().double().numpy(), rtol=SAME, atol=0 if key == "delay" else SAME
            ):
                raise ExchangeError(
                    f"{path}: {key} of node {name} is not what our own description beside it says; the file was edited "
                    f"after it was written: take {OURS} out of its Input's metadata to read NIR's nodes alone"
                )
    return network


def flattened(nir: Any, graph: Any) -> Any:
    """A graph with the graphs inside it opened, as snntorch writes a recurrent layer: `name.node` stands for a node."""
    nodes: dict[str, Any] = {}
    edges = list(graph.edges)
    for name, node in graph.nodes.items():
        if not isinstance(node, nir.NIRGraph):
            nodes[name] = node
            continue
        inside = flattened(nir, node)
        doors = {key for key, each in inside.nodes.items() if isinstance(each, nir.Input | nir.Output)}
        nodes |= {f"{name}.{key}": each for key, each in inside.nodes.items() if key not in doors}
        entered = [b for a, b in inside.edges if isinstance(inside.nodes[a], nir.Input)]
        left = [a for a, b in inside.edges if isinstance(inside.nodes[b], nir.Output)]
        within = [(f"{name}.{a}", f"{name}.{b}") for a, b in inside.edges if not {a, b} & doors]
        edges = (
            within
            + [(a, f"{name}.{b}") for a, to in edges if to == name for b in entered]
            + [(f"{name}.{a}", b) for of, b in edges if of == name for a in left]
            + [pair for pair in edges if name not in pair]
        )
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def _ordered(
    nir: Any, graph: Any, path: Path
) -> tuple[list[str], dict[str, tuple[np.ndarray, np.ndarray | None]], tuple[int, ...]]:
    """The nodes from input to output, the loops of one node back to itself (weights, bias), and the input's shape."""
    edges = set(graph.edges)
    loops: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for name, node in graph.nodes.items():
        to = [b for a, b in edges if a == name]
        if isinstance(node, nir.Linear | nir.Affine) and len(to) == 1 and (to[0], name) in edges:
            bias = getattr(node, "bias", None)
            loops[to[0]] = (
                np.asarray(node.weight), np.asarray(bias) if bias is not None and np.any(bias) else None
            )  # fmt: skip
            edges -= {(name, to[0]), (to[0], name)}
    places = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    if len(places) != 1:
        raise ExchangeError(f"{path}: it has {len(places)} Input nodes; only networks with one are read")
    place = places[0]
    shape = tuple(int(each) for each in np.atleast_1d(next(iter(graph.nodes[place].input_type.values()))))
    chain: list[str] = []
    while not isinstance(graph.nodes[place], nir.Output):
        after = [b for a, b in edges if a == place]
        if len(after) != 1 or len(chain) > len(graph.nodes):
            raise ExchangeError(
                f"{path}: node {place} leads to {', '.join(sorted(after)) or 'nothing'}; only chains with loops of one "
                f"node are read"
            )
        place = after[0]
        chain.append(place)
    return chain[:-1], loops, shape


def _identifier(name: str) -> str:
    label = "".join(letter if letter.isalnum() else "_" for letter in name)
    return label if label[:1].isalpha() else f"n_{label}"


def _filter(nir: Any, name: str, node: Any, dt: float, before: Projection) -> NeuronLayer:
    """A leaky integrator without spikes: its gain and leak join the projection before it."""
    integrator = isinstance(node, nir.I)
    if not integrator:
        _check_step(name, "tau", np.asarray(node.tau), dt)
    shares = np.full(np.shape(node.r), dt) if integrator else dt / np.asarray(node.tau)
    leak = 0.0 if integrator else np.asarray(node.v_leak) * shares
    gain = torch.as_tensor(np.asarray(node.r) * shares, dtype=before.weight.dtype)
    with torch.no_grad():
        before.weight.mul_(gain.unsqueeze(1))
        before.bias.mul_(gain).add_(torch.as_tensor(leak, dtype=gain.dtype))
    keep = torch.ones_like(gain) if integrator else torch.as_tensor(1 - shares, dtype=gain.dtype)
    return NeuronLayer(accumulator(), len(gain), dt=1.0, values={"keep": keep})


def _neurons(
    nir: Any, name: str, node: Any, dt: float, convention: Convention, loop: np.ndarray | None, width: int
) -> NeuronLayer:
    """A layer from a node of leaky neurons, by forward Euler at dt."""
    known = (nir.LIF, nir.CubaLIF, nir.LI, nir.CubaLI, nir.IF, nir.I)
    if not isinstance(node, known):
        names = ", ".join(kind.__name__ for kind in (*linear_kinds(nir), nir.Delay, *known))
        raise ExchangeError(
            f"node {name} is a {type(node).__name__}, which has no layer here; known are {names}"
        )

    def row(key: str) -> np.ndarray:
        """A number for each neuron, or one for all; those of a channel in the order of its pixels."""
        given = np.asarray(getattr(node, key), float)
        if given.size not in (1, width):
            raise ExchangeError(
                f"node {name}: {key} has the shape {given.shape}, and {width} neurons come in"
            )
        return np.broadcast_to(given.ravel(), width)

    synapse, spiking = hasattr(node, "tau_syn"), hasattr(node, "v_threshold")
    values: dict[str, np.ndarray] = {}
    if isinstance(node, nir.IF | nir.I):
        values |= {"beta": np.ones(width), "gain": row("r") * dt, "bias": np.zeros(width)}
    else:
        tau = row("tau_mem" if synapse else "tau")
        shares = dt / tau
        _check_step(name, "tau_mem" if synapse else "tau", tau, dt)
        values |= {"beta": 1 - shares, "gain": row("r") * shares, "bias": row("v_leak") * shares}
    if synapse:
        _check_step(name, "tau_syn", row("tau_syn"), dt)
        share = dt / row("tau_syn")
        values |= {"alpha": 1 - share, "inlet": row("w_in") * (1 if convention.jumps else share)}
    if spiking:
        values["theta"] = row("v_threshold")
        if convention.reset == "value":
            values["u_reset"] = row("v_reset")
        elif np.any(row("v_reset")):
            raise ExchangeError(
                f"node {name} resets to {row('v_reset').max():g}, and this convention takes the threshold off"
            )
    neuron = convention.neuron(synapse=synapse, spiking=spiking)
    if not spiking:
        raise ExchangeError(
            f"node {name} is a {type(node).__name__}: a filter is read as a LI behind an Affine or Linear; give it so"
        )
    kind = torch.get_default_dtype()
    recurrent = None if loop is None else Recurrence(torch.as_tensor(loop, dtype=kind))
    given = {key: torch.as_tensor(np.array(value), dtype=kind) for key, value in values.items()}
    return NeuronLayer(neuron, width, dt=1.0, values=given, recurrent=recurrent)


def _check_step(name: str, key: str, tau: np.ndarray, dt: float) -> None:
    if not 0 < dt <= tau.min():
        raise ExchangeError(
            f"node {name}: dt = {dt:g} s must lie in (0, {key}], and {key} is {tau.min():g} s"
        )
