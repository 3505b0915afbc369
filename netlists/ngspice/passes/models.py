"""Pass: one `.model` card for each transistor model, with where its numbers come from.

Of a card that is binned by size, those bins are written that the circuit's transistors need, under the names `nch.0`,
`nch.1`, ...; the simulator then chooses by each transistor's width and length.
"""

from collections.abc import Mapping

from circuits.data.models import ModelCard
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_number
from netlists.writing.models import origin, used_bins

_PARAMETERS_PER_LINE = 4


def add_models(draft: Draft) -> Draft:
    """Section `models`: the cards in the order of the circuit."""
    lines: list[str] = []
    for model in draft.circuit.models:
        lines += ["", *origin(model, "* ")]
        if not model.bins:
            lines += _card(model, model.name, model.parameters)
        for index, size in enumerate(used_bins(model, draft.circuit)):
            bounds = {
                "lmin": size.shortest,
                "lmax": size.longest,
                "wmin": size.narrowest,
                "wmax": size.widest,
            }
            lines += _card(model, f"{model.name}.{index}", {**bounds, **size.parameters})
    return draft.with_section("models", lines)


def _card(model: ModelCard, name: str, parameters: Mapping[str, float]) -> list[str]:
    numbers = [f"{key}={print_number(value)}" for key, value in parameters.items()]
    rows = [numbers[k : k + _PARAMETERS_PER_LINE] for k in range(0, len(numbers), _PARAMETERS_PER_LINE)]
    version = f" version={model.version}" if model.version else ""
    return [
        f".model {name} {model.polarity} level={model.level}{version}",
        *(f"+ {' '.join(row)}" for row in rows),
    ]
