"""What all dialects say of a transistor's card: where its numbers come from, and which bins a circuit needs."""

from collections.abc import Iterator

from circuits.data.circuit import Circuit
from circuits.data.models import ModelBin, ModelCard
from circuits.measures.bias import bias_table
from netlists.errors import NetlistError
from netlists.writing.comments import paragraph


def origin(model: ModelCard, mark: str) -> list[str]:
    """Comment lines that begin with a mark: the card's name and its source, whole."""
    return paragraph(f"{model.name}: {model.source}".rstrip(": "), mark)


def used_bins(model: ModelCard, circuit: Circuit) -> list[ModelBin]:
    """The bins that hold the circuit's transistors, in the order of the card; none where it is not binned."""
    sizes = set(_sizes(model, circuit)) if model.bins else set()
    for width, length in sizes:
        if not any(size.holds(width, length) for size in model.bins):
            raise NetlistError(
                f"circuit {circuit.name}: model {model.name} has no bin for W = {1e6 * width:.4g} um, "
                f"L = {1e6 * length:.4g} um; choose another width or length in the technology file"
            )
    return [size for size in model.bins if any(size.holds(*one) for one in sizes)]


def _sizes(model: ModelCard, circuit: Circuit) -> Iterator[tuple[float, float]]:
    for row in bias_table(circuit):
        if row.model == model.name and row.width is not None and row.length is not None:
            yield row.width, row.length
