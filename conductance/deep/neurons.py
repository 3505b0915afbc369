"""Neurons of images: one declaration over (time, batch, channel, row, column), with the window of its spike's slope."""

from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import nn

from conductance.derivation.window import Closure, Window
from conductance.errors import ExcitableError
from conductance.layers import NeuronLayer
from conductance.layers.base import ShapeError
from conductance.layers.feasible import make_feasible
from conductance.layers.transforms import unconstrained
from conductance.neurons import dqif
from conductance.neurons.base import Neuron

WindowKind = Literal["analytic", "fixed", "measured"]
Sharing = Literal["layer", "channel"]
Norm = Literal["tdbn", "none"]
MOMENTUM = 0.1
"""Of the running statistics of a measured window, as of batch norm's."""
SAMPLE = 16
"""Images of a batch from which a measured window takes its statistics."""


class DeepError(ExcitableError):
    """A deep network was asked for something impossible."""


@dataclass(frozen=True, kw_only=True)
class NeuronOptions:
    """Which neuron a deep network has, and where its spikes have a slope.

    Attributes:
        neuron: a map of one voltage, `dqif()` or `dlif()`.
        window: `analytic` follows from the neuron's parameters and tdBN (arXiv 2510.05168); `fixed` is centred on
            the threshold, with `half_width`; `measured` follows the voltages themselves, whatever the input.
        closure: how the analytic window is derived; both are ours, see `conductance.derivation.window`.
        half_width: of a fixed window, in V0.
        trainable: parameters that training changes, inside the stable region.
        sharing: whether a layer has one set of values or each channel its own.
        norm: tdBN after every convolution, or none and a bias instead.
        alpha: tdBN's factor: the input's standard deviation over the threshold, at the start of training.
        backend: what steps the neurons, see `NeuronLayer`.
    """

    neuron: Neuron = field(default_factory=dqif)
    window: WindowKind = "analytic"
    closure: Closure = "stationary"
    half_width: float = 0.5
    trainable: tuple[str, ...] = ()
    sharing: Sharing = "layer"
    norm: Norm = "tdbn"
    alpha: float = 1.0
    backend: str = "auto"

    def __post_init__(self) -> None:
        if not self.neuron.is_map or not {"u_th", "mu_u", "sigma_u"} <= set(self.neuron.defaults):
            raise DeepError(
                f"neuron {self.neuron.name}: a deep network needs a map with a threshold and a window: dqif() or dlif()"
            )
        for name, kind in (("window", WindowKind), ("sharing", Sharing), ("norm", Norm)):
            allowed = get_args(kind)
            if getattr(self, name) not in allowed:
                raise DeepError(
                    f"{name} {getattr(self, name)!r} is unknown; allowed are {', '.join(allowed)}"
                )
        for name in ("half_width", "alpha"):
            if not getattr(self, name) > 0:
                raise DeepError(f"{name} = {getattr(self, name)} must be above 0")
        for name in self.trainable:
            self.neuron.parameter(name)
            if name in ("mu_u", "sigma_u"):
                raise DeepError(f"trainable {name}: the window has no gradient; choose it by `window`")

    @property
    def threshold(self) -> float:
        """The spike threshold at the start of training, in V0."""
        return self.neuron.defaults["u_th"]


class ImageNeurons(nn.Module):
    """Neurons of one declaration at every pixel of every channel.

    Args:
        channels: number of channels.
        options: the neuron, its window and what is trained.
    """

    def __init__(self, channels: int, options: NeuronOptions) -> None:
        super().__init__()
        self.channels, self.options = channels, options
        self.layer = NeuronLayer(
            options.neuron,
            1 if options.sharing == "layer" else channels,
            dt=1.0,
            trainable=options.trainable,
            backend=options.backend,
        )
        self._window = Window(options.neuron, options.closure)
        self._exact_window = Window(options.neuron, "after_reset")
        if options.window == "fixed":
            self.set_window(self.layer.values()["u_th"], torch.tensor(options.half_width))
        else:
            self.set_window(*self._window(torch.tensor(options.alpha * options.threshold)))

    def set_window(self, middle: torch.Tensor, half_width: torch.Tensor) -> None:
        """Put the window at these voltages, in V0, one number or one per set of values."""
        for name, value in (("mu_u", middle), ("sigma_u", half_width)):
            raw = getattr(self.layer, f"raw_{name}")
            wanted = torch.as_tensor(value).detach().to(raw)  # a moment that is always 0 is a plain number
            raw.copy_(unconstrained(wanted.expand_as(raw), self.layer.neuron.parameter(name)))

    def window(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Middle and half width of the window, in V0."""
        values = self.layer.values()
        return values["mu_u"], values["sigma_u"]

    def settle(self) -> None:
        """After an update of the parameters: bring them back into the stable region, and let the window follow them."""
        if self.options.trainable:
            make_feasible(self.layer)
            if self.options.window == "analytic":
                self._derive_window()

    @torch.no_grad()
    def _derive_window(self) -> None:
        """The window of the present parameters.

        Training can lead to where the voltage has no stationary distribution; there the other closure stands in.
        """
        values, spread = self.layer.values(), self.options.alpha * self.options.threshold
        middle, half_width, found = self._window.where_found(spread, values)
        exact = self._exact_window(spread, values)
        self.set_window(torch.where(found, middle, exact[0]), torch.where(found, half_width, exact[1]))

    @torch.no_grad()
    def _measure_window(self, currents: torch.Tensor, places: int) -> None:
        record: list = []
        self.layer(currents[:, :SAMPLE], record=record, places=places)
        voltages = torch.stack([states[0] for states in record])
        middle, half_width = self.window()
        self.set_window(
            middle + MOMENTUM * (voltages.mean() - middle),
            half_width + MOMENTUM * (voltages.std() - half_width),
        )

    def forward(self, currents: torch.Tensor) -> torch.Tensor:
        """Input currents (time, batch, channel, ...) to spikes of the same shape and dtype.

        Neurons step in their own precision, whatever that of the convolutions around them.

        Raises:
            ShapeError: another number of channels.
        """
        if currents.dim() < 3 or currents.shape[2] != self.channels:
            raise ShapeError(
                f"neurons {self.layer.neuron.name}: input has shape {tuple(currents.shape)}; "
                f"allowed is (time, batch, {self.channels}, ...)"
            )
        time, batch = currents.shape[:2]
        values = currents.to(self.layer.values()["u_th"].dtype).reshape(time, batch, -1)
        places = values.shape[2] // self.layer.size
        if self.training and self.options.window == "measured":
            self._measure_window(values, places)
        if (
            self.layer.size == 1
        ):  # one set of values: every pixel of every image is a member of one large batch
            values, places = values.reshape(time, -1, 1), 1
        spikes, _ = self.layer(values, places=places)
        return spikes.reshape(currents.shape).to(currents.dtype)

    def extra_repr(self) -> str:
        """Channels, neuron and window."""
        return f"{self.channels}, {self.layer.neuron.name}, window={self.options.window}"
