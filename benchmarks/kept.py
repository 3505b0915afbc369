"""How much the forward run of a training keeps for its backward run; needs torch alone, so that peers can use it."""

import argparse
import importlib
import json
from collections.abc import Callable

import torch

from benchmarks.measurement import Shape


def kept_bytes(training: Callable[[], object]) -> int:
    """Bytes of all different tensors that autograd keeps in one run, the input among them."""
    sizes: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        training()
    return sum(sizes.values())


def main() -> None:
    """Print, for each form of a peer that is not compiled, what it keeps, as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    for name in ("steps", "batch", "width"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    shape = Shape(steps=options.steps, batch=options.batch, width=options.width)
    for candidate in importlib.import_module(f"benchmarks.peers.{options.peer}_adapter").candidates():
        if "compiled" not in candidate.name:
            _, training = candidate.build(shape)
            row = {"name": candidate.name, "neuron": candidate.neuron, "bytes": kept_bytes(training)}
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
