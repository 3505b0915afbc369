"""Published silicon neurons, to be read beside one's own numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Silicon:
    """One publication: `energy` per spike in J, None where none is stated."""

    what: str
    process: str
    energy: float | None
    source: str


PUBLISHED: tuple[Silicon, ...] = (
    Silicon(
        what="Morris-Lecar neuron", process="65 nm", energy=4e-15, source="Sourikopoulos et al. 2017, measured",
    ),
    Silicon(what="LIF neuron", process="28 nm", energy=1.61e-15, source="arXiv 2408.07734"),
    Silicon(
        what="multi-timescale neuron, the same idea", process="180 nm, 1.8 V", energy=None,
        source="Mendolia et al., arXiv 2512.01133, measured; no energy per spike is known to us",
    ),
)  # fmt: skip
