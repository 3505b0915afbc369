"""Networks: chains of layers with the interface of a layer."""

from conductance.networks.chain import Network

__all__ = ["Network"]
