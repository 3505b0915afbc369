"""Networks in files: declarations as data, weights as safetensors, every file whole or absent. Nothing is unpickled."""

from conductance.files import StorageError, whole_file, write_whole
from conductance.storage.declarations import decode_neuron, encode_neuron
from conductance.storage.networks import load_network, save_network

__all__ = [
    "StorageError",
    "decode_neuron",
    "encode_neuron",
    "load_network",
    "save_network",
    "whole_file",
    "write_whole",
]
