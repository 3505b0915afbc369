"""Pass: one `.model` card for each transistor model, with where its numbers come from."""

from circuits.models import ModelCard
from netlists.comments import comment
from netlists.draft import Draft
from netlists.expressions import print_number

_PARAMETERS_PER_LINE = 4


def add_models(draft: Draft) -> Draft:
    """Section `models`: the cards in the order of the circuit."""
    lines: list[str] = []
    for model in draft.circuit.models:
        lines += ["", *_card(model)]
    return draft.with_section("models", lines)


def _card(model: ModelCard) -> list[str]:
    numbers = [f"{name}={print_number(value)}" for name, value in model.parameters.items()]
    rows = [numbers[k : k + _PARAMETERS_PER_LINE] for k in range(0, len(numbers), _PARAMETERS_PER_LINE)]
    version = f" version={model.version}" if model.version else ""
    return [
        f"* {model.name}: {comment(model.source)}".rstrip(": "),
        f".model {model.name} {model.polarity} level={model.level}{version}",
        *(f"+ {' '.join(row)}" for row in rows),
    ]
