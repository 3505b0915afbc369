"""Shape a neuron's I-V curve, train networks of it, get the analog circuit, and know how far it is off."""

from importlib.metadata import version

__version__ = version("excitable")
