"""Pass: one `.model` card for each transistor model, with where its numbers come from.

Of a card that is binned by size, those bins are written that the circuit's transistors need, under the names `nch.0`,
`nch.1`, ...; the simulator then chooses by each transistor's width and length.
"""

from collections.abc import Iterator, Mapping

from circuits.data.circuit import Circuit
from circuits.data.models import ModelBin, ModelCard
from circuits.measures.bias import bias_table
from netlists.errors import NetlistError
from netlists.ngspice.comments import comment
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_number

_PARAMETERS_PER_LINE = 4


def add_models(draft: Draft) -> Draft:
    """Section `models`: the cards in the order of the circuit."""
    lines: list[str] = []
    for model in draft.circuit.models:
        lines += ["", f"* {model.name}: {comment(model.source)}".rstrip(": ")]
        if not model.bins:
            lines += _card(model, model.name, model.parameters)
        for index, size in enumerate(_used(model, draft.circuit)):
            bounds = {
                "lmin": size.shortest,
                "lmax": size.longest,
                "wmin": size.narrowest,
                "wmax": size.widest,
            }
            lines += _card(model, f"{model.name}.{index}", {**bounds, **size.parameters})
    return draft.with_section("models", lines)


def _used(model: ModelCard, circuit: Circuit) -> list[ModelBin]:
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


def _card(model: ModelCard, name: str, parameters: Mapping[str, float]) -> list[str]:
    numbers = [f"{key}={print_number(value)}" for key, value in parameters.items()]
    rows = [numbers[k : k + _PARAMETERS_PER_LINE] for k in range(0, len(numbers), _PARAMETERS_PER_LINE)]
    version = f" version={model.version}" if model.version else ""
    return [
        f".model {name} {model.polarity} level={model.level}{version}",
        *(f"+ {' '.join(row)}" for row in rows),
    ]
