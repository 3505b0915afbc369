"""What a configuration file of a deep network on images may say: one class per section, one field per key."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from circuits.data.clock import SCALING, Clock
from conductance.deep.networks import NETWORKS
from conductance.deep.neurons import Norm, Sharing, WindowKind
from conductance.deep.training import ImageTrainingOptions
from conductance.derivation.window import Closure
from conductance.neurons import dlif, dqif
from conductance.neurons.base import Neuron
from excitable.config.base import Configuration
from excitable.config.circuit import RunningSection, UnitsSection
from excitable.config.declared import OneOf, Section, section_of
from excitable.config.quantities import Amperes, Farads, Volts

FROM_FOLDER = ("cifar10", "cifar100", "cifar10_dvs", "imagenet", "mnist")
"""Data sets that are read from a folder."""
AUGMENTED = ("cifar10", "cifar100")
"""Data sets that AutoAugment is for."""
NEURONS: Mapping[str, Callable[..., Neuron]] = MappingProxyType({"dqif": dqif, "dlif": dlif})


class DataSection(Section):
    """What the network sees."""

    name: Annotated[str, OneOf(("digits", "generated", *FROM_FOLDER))] = Field(
        description="data set; all but digits and generated need a folder of its published files"
    )
    auto_augment: bool = Field(False, description="AutoAugment of CIFAR's images after crop and flip")

    @model_validator(mode="after")
    def _augmented_is_cifar(self) -> Self:
        if self.auto_augment and self.name not in AUGMENTED:
            raise ValueError(
                f"auto_augment is for {' and '.join(AUGMENTED)}, not for {self.name}; leave it out"
            )
        return self


class NetworkSection(Section):
    """The network and its neurons."""

    name: Annotated[str, OneOf(NETWORKS)] = Field(description="network")
    steps: int = Field(4, ge=1, le=1000, description="time steps for which an image is shown")
    neuron: Annotated[str, OneOf(NEURONS)] = Field("dqif", description="discretised QIF, or its leaky twin")
    threshold: float = Field(0.5, gt=0, le=1e3, description="u_th in V0")
    window: WindowKind = Field("analytic", description="where a spike has a slope")
    closure: Closure = Field("stationary", description="how the analytic window is derived")
    half_width: float = Field(0.5, gt=0, le=1e3, description="of a fixed window, in V0")
    trainable: list[str] = Field([], description="parameters of the neurons that are trained")
    sharing: Sharing = Field("layer", description="one set of trained values per layer or per channel")
    norm: Norm = Field("tdbn", description="tdBN, or none")
    alpha: float = Field(1.0, gt=0, le=1e3, description="tdBN's factor")


class TrainingSection(Section):
    """How the network is trained: cosine annealing over all epochs."""

    def build(self) -> ImageTrainingOptions:
        """The options themselves."""
        return ImageTrainingOptions(**self.model_dump())


_MEANINGS = {
    "loss": "tet: every step has to answer rightly; rate: their mean",
    "optimiser": "sgd with momentum 0.9, or adam",
    "precision": "of convolutions; neurons always step in float32",
    "accelerator": "kind of device",
}
if TYPE_CHECKING:
    OptionsSection = TrainingSection
else:
    OptionsSection = section_of(ImageTrainingOptions, TrainingSection, _MEANINGS)


class CircuitSection(UnitsSection):
    """How the circuit is built: the SI values of the dimensionless units, and its clock."""

    voltage_unit: Volts = Field(default=SCALING.voltage_unit, description="one unit of voltage [V]")
    current_unit: Amperes = Field(default=SCALING.current_unit, description="one unit of current [A]")
    capacitance: Farads = Field(default=SCALING.capacitance, description="that holds a value [F]")
    settling: float = Field(
        default=Clock.settling,
        gt=0,
        le=100,
        description="time constants of a switch in half a period of the clock",
    )


class SimulationSection(RunningSection):
    """How the circuit is simulated and compared with the model."""

    samples: int = Field(default=10, ge=1, le=10**6, description="images of the test split, from its start")
    relative: float = Field(default=1e-5, gt=0, le=1e-2, description="relative tolerance of the simulator")


class ImageConfiguration(Configuration):
    """A configuration file of a deep network on images."""

    kind: ClassVar[str] = "images"
    trained: ClassVar[tuple[str, ...]] = ("name", "seed", "data", "network", "training")

    data: DataSection
    network: NetworkSection
    training: OptionsSection = OptionsSection()
    circuit: CircuitSection = Field(default_factory=CircuitSection)
    simulation: SimulationSection = Field(default_factory=SimulationSection)
