"""An imported network against the library that it comes from, where that is installed."""

import copy
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch

from conductance.layers import NeuronLayer
from conductance.networks import Network

STEPS = 1000
MARGIN = 1e-6
"""Difference of an output that counts as one."""


NOT_RUN = "not run against a library"
INSTALL = "pip install snntorch nir nirtorch"


def not_run(convention: str | None) -> str:
    """Why a network of another convention than NIR's own is not run against a library, and what can be done.

    Args:
        convention: a name of `CONVENTIONS`; None of a file of ours, which needs none.
    """
    if convention is None:
        return f"{NOT_RUN}: the file was read by what excitable wrote into it, not by a library's convention"
    missing = "" if find_spec("snntorch") else f"; snntorch is not installed here (`{INSTALL}`)"
    return (
        f"{NOT_RUN}: only --convention nir is, against snntorch's own import, which reads a reset as NIR states it and "
        f"not as the steps of {convention} have it{missing}"
    )


def against_snntorch(network: Network, path: Path) -> str:
    """How many of 1000 steps of random input differ from snntorch's own import of the file, in double precision."""
    try:
        import nir
        from snntorch.import_nir import import_from_nir
    except ImportError as error:
        library = (error.name or "snntorch").partition(".")[0]
        return f"{NOT_RUN}: {library} is not installed; `{INSTALL}`, then import again"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = import_from_nir(nir.read(path)).double()
    for module in theirs.modules():
        if isinstance(module, torch.nn.Linear):
            # its spikes are float32, whatever the network is
            module.register_forward_pre_hook(lambda _, given: tuple(value.double() for value in given))
    ours = copy.deepcopy(network).double()
    first = next(iter(ours.chain.values()))
    width = first.size if isinstance(first, NeuronLayer) else first.inputs
    x = 2 * torch.rand(STEPS, 1, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    state, steps = None, []
    with torch.no_grad():
        for current in x:
            given = theirs(current) if state is None else theirs(current, state)
            output, state = given if isinstance(given, tuple) else (given, state)
            steps.append(output)
        expected = ours(x)[0]
    differing = int(((torch.stack(steps) - expected).abs() > MARGIN).flatten(1).any(1).sum())
    return (
        f"{differing} of {STEPS} steps differ from snntorch's own import by more than {MARGIN:g}, in float64"
    )
