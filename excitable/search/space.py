"""What a search may vary: keys of a configuration, each with choices or a range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conductance.errors import ExcitableError, extra
from excitable.config.overrides import value_of

if TYPE_CHECKING:
    import optuna

FORM = (
    "KEY=A,B,C for choices, KEY=LOW..HIGH for a range (of whole numbers where both ends are), "
    "KEY=LOW..HIGH:log for one that is searched by its logarithm"
)


class SearchError(ExcitableError):
    """A search was asked for something impossible."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One key and what it may be: `choices`, or all numbers from `low` to `high`, whole where both are."""

    key: str
    choices: tuple[object, ...] = ()
    low: float = 0.0
    high: float = 0.0
    logarithmic: bool = False

    @property
    def whole(self) -> bool:
        """Whether the range is of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def distribution(self) -> "optuna.distributions.BaseDistribution":
        """The same as Optuna knows it."""
        with extra("search"):
            from optuna import distributions

        if self.choices:
            return distributions.CategoricalDistribution([str(choice) for choice in self.choices])
        if self.whole:
            return distributions.IntDistribution(int(self.low), int(self.high), log=self.logarithmic)
        return distributions.FloatDistribution(self.low, self.high, log=self.logarithmic)


def dimension(text: str) -> Dimension:
    """The dimension that a text describes, see `FORM`.

    Raises:
        SearchError: a text of another form.

    >>> dimension("network.hidden=8..64")
    Dimension(key='network.hidden', choices=(), low=8, high=64, logarithmic=False)
    >>> dimension("network.neuron=mtc,lif").choices
    ('mtc', 'lif')
    """
    key, separator, rest = text.partition("=")
    if not separator or not key.strip() or not rest.strip():
        raise SearchError(f"--over {text!r} must be {FORM}")
    if ".." in rest:
        bounds, _, scale = rest.partition(":")
        low, high = (value_of(part.strip()) for part in bounds.split("..", 1))
        numbers = all(
            isinstance(end, int | float) and not isinstance(end, bool) and math.isfinite(end)
            for end in (low, high)
        )
        if not numbers or scale not in ("", "log") or not low < high or (scale and not low > 0):  # type: ignore[operator]
            raise SearchError(
                f"--over {text!r}: a range is LOW..HIGH, finite, with LOW below HIGH, and LOW above 0 with :log"
            )
        return Dimension(key=key.strip(), low=low, high=high, logarithmic=bool(scale))  # type: ignore[arg-type]
    choices = tuple(value_of(part.strip()) for part in rest.split(","))
    endless = [one for one in choices if isinstance(one, float) and not math.isfinite(one)]
    if endless:
        raise SearchError(f"--over {text!r}: {endless[0]} is no finite number; leave it out")
    if len(choices) < 2 or len(set(map(str, choices))) != len(choices):
        raise SearchError(
            f"--over {text!r}: give at least two different choices, or a range; it must be {FORM}"
        )
    return Dimension(key=key.strip(), choices=choices)


def assignments(parameters: dict[str, object]) -> Sequence[str]:
    """The parameters of a trial as `--set` takes them."""
    return [f"{key}={value}" for key, value in parameters.items()]
