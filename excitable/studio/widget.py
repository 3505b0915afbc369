"""The studio inside a notebook (marimo, JupyterLab, VS Code): the same module as the page, as an anywidget."""

from typing import Any
from urllib.parse import parse_qs

from conductance.errors import extra
from conductance.neurons.base import Neuron
from excitable.studio.catalogue import Catalogue, catalogue
from excitable.studio.page import module

with extra("notebooks"):
    import anywidget
    import traitlets


class Studio(anywidget.AnyWidget):
    """A studio that shows the given neurons, then the package's own.

    `address` is the state of the page as its link says it; `neuron` is the neuron that is shown.

    Args:
        neurons: your own declarations, shown first.
    """

    address = traitlets.Unicode("").tag(sync=True)

    def __init__(self, *neurons: Neuron, **options: Any) -> None:
        self._offered: Catalogue = catalogue(neurons)
        super().__init__(_esm=module(self._offered), **options)

    @property
    def neuron(self) -> Neuron:
        """The neuron on the screen, with its values; the first one before anything was shown."""
        if not self.address:
            return self._offered.examples[0].neuron
        said = parse_qs(self.address)
        chosen = self._offered.neuron(said["neuron"][0])
        return chosen.with_values(**{p.name: float(said[p.name][0]) for p in chosen.parameters})

    @property
    def current(self) -> float:
        """The input at the end, in current units."""
        if not self.address:
            return self._offered.examples[0].current
        return float(parse_qs(self.address)["stimulus.current"][0])
