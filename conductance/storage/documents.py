"""The form of `model.json`: what each layer of a network is, without its numbers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from conductance.layers.fixed.delay import LONGEST
from conductance.layers.weights.bits import FEWEST, MOST
from conductance.storage.declarations import Document, Identifier

Step = Annotated[int, Field(ge=0, le=LONGEST, strict=True)]
Width = Annotated[int, Field(ge=1, le=10_000_000)]


Bits = Annotated[int, Field(ge=FEWEST, le=MOST, strict=True)]


class SynapseNoiseDocument(Document):
    """The `SynapseNoise` of a projection."""

    line: Annotated[list[Annotated[list[float], Field(min_length=4, max_length=4)]], Field(min_length=1)]
    excitatory: float
    inhibitory: float
    power: float


class ProjectionDocument(Document):
    """A `Projection`; `bits` of its code and the noise of its synapses, where it has them."""

    kind: Literal["projection"]
    name: Identifier
    inputs: Width
    outputs: Width
    bits: Bits | None = None
    noise: SynapseNoiseDocument | None = None


class FixedDocument(Document):
    """A layer without numbers."""

    name: Identifier
    size: Width


class DelayDocument(FixedDocument):
    """A `Delay`."""

    kind: Literal["delay"]
    steps: Step | Annotated[list[Step], Field(min_length=1)]


class AveragePoolDocument(FixedDocument):
    """An `AveragePool`."""

    kind: Literal["average_pool"]
    window: Width


class SkipDocument(FixedDocument):
    """A `Skip`."""

    kind: Literal["skip"]
    source: Identifier


class RecurrenceDocument(Document):
    """The `Recurrence` of a layer."""

    source: Identifier
    tau: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    trainable: bool
    sparse: bool
    bits: Bits | None = None


class NeuronLayerDocument(Document):
    """A `NeuronLayer`: its declaration, step and what training may change."""

    kind: Literal["neurons"]
    name: Identifier
    size: Width
    dt: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    method: str
    trainable: list[str]
    neuron: dict[str, Any]
    law: dict[str, Any] | None = None
    recurrent: RecurrenceDocument | None = None
    initial: list[Identifier] = Field(default_factory=list)


class ModelDocument(Document):
    """The whole of `model.json`."""

    format: Literal["excitable model"]
    version: Literal[1]
    dtype: Literal["float32", "float64"]
    layers: Annotated[
        list[
            Annotated[
                ProjectionDocument | NeuronLayerDocument | DelayDocument | AveragePoolDocument | SkipDocument,
                Field(discriminator="kind"),
            ]
        ],
        Field(min_length=1),
    ]
    digest: str | None = None
