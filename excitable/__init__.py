"""Shape a neuron's I-V curve, train networks of it, get the analog circuit, and know how far it is off."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from excitable.checks.network import NetworkCheck, check_network
    from excitable.checks.neuron import CircuitCheck, check_circuit

__all__ = ["CircuitCheck", "NetworkCheck", "__version__", "check_circuit", "check_network"]
__version__ = version("excitable")


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    # The command line must start fast, so the simulator's libraries are imported when first named.
    if name in ("CircuitCheck", "check_circuit"):
        from excitable.checks import neuron

        return getattr(neuron, name)
    if name in ("NetworkCheck", "check_network"):
        from excitable.checks import network

        return getattr(network, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
