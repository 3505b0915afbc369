"""Numbers as a page tells them: a spread over seeds, the interval of a difference, a table."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
"""Of every interval on a page."""


def spread(values: Sequence[float], digits: int) -> str:
    """Mean ± standard deviation; of one value the value alone."""
    if not values:
        return "none"
    scatter = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{scatter}"


def difference(mine: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """The confidence interval of a difference of means, by Welch's test; a point where no number varies."""
    if np.std(mine) == 0 and np.std(others) == 0:
        point = float(np.mean(mine) - np.mean(others))
        return point, point
    interval = stats.ttest_ind(mine, others, equal_var=False).confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's confidence interval of the mean; a point where nothing varies or there is one value."""
    mean = float(np.mean(values))
    if len(values) < 2 or np.ptp(values) == 0:
        return mean, mean
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    half = float(quantile * np.std(values, ddof=1) / len(values) ** 0.5)
    return mean - half, mean + half


def share_interval(found: int, of: int) -> tuple[float, float]:
    """Wilson's confidence interval of a share."""
    interval = stats.binomtest(found, of).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def listed(values: Iterable[float]) -> str:
    """Numbers in a sentence."""
    return ", ".join(f"{value:g}" for value in values)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: bool = False) -> list[str]:
    """A table's lines in Markdown, all but the first column to the right where they are numbers."""
    rule = "|---" + ("|---:" if numbers else "|---") * (len(head) - 1) + "|"
    first, *others = (f"| {' | '.join(map(str, line))} |" for line in (head, *rows))
    return [first, rule, *others]


def search_section(rows: Iterable[str]) -> list[str]:
    """The section of a page that tells, in the lines of a table, which settings a search chose."""
    edge = "A setting on the edge of the grid may not be the best there is."
    return ["## Settings that the search chose", "", edge, "", *rows, ""]


def holds(good: bool) -> str:
    """A verdict in bold."""
    return "**holds**" if good else "**fails**"
