"""The page of claims: every finding on it is quoted from a study's page."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studies.base import Runner
from studies.claims.claims import PAPERS, UNTESTED, Claim
from studies.pages import table


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Nothing is spent: pages are read."""


BUDGETS: Mapping[str, Budget] = MappingProxyType({"reduced": Budget(), "smoke": Budget()})
ABSENT = (
    "A table of the GPU kernels on a device (`python -m benchmarks.gpu`): no GPU was at hand.",
    "Accuracies on all 60 000 images of Fashion-MNIST. Its files are read (tasks and data `mnist`), and configurations "
    "are shipped: `fashion-qif` (events), `fashion-dqif` and `fashion-dlif` (images).",
    "Windows of the surrogate by epochs to a target on such data.",
)
"""What would be evidence and has not been run."""
Told = tuple[tuple[str, tuple[tuple[Claim, tuple[str, ...]], ...]], ...]


def read(budget: Budget, runner: Runner) -> Told:
    """Every paper's claims with what the pages say of them now.

    Raises:
        ExcitableError: a page says nothing of the kind any more.
    """
    return tuple(
        (paper, tuple((claim, tuple(quote.text() for quote in claim.quotes)) for claim in claims))
        for paper, claims in PAPERS.items()
    )


def page(told: Told) -> str:
    """The page below its title."""
    lines = [
        "Every sentence of the three papers that we can test, in our words, with what our studies find. Findings are "
        "quoted from the studies' pages by the program that writes this one, so they are those pages' numbers; there "
        "stand budgets, intervals, seeds and machines. How far we know what the papers say is on "
        "[the page of sources](models.md): none of them was at hand in full. A claim counts as settled where five "
        "seeds and a search that ended inside its grid answer it, and nothing is missing; `holds here` and `fails "
        "here` are about our data and choices, which stand beside.",
        "",
    ]
    for paper, claims in told:
        rows = [_row(claim, found) for claim, found in claims]
        head = ("claim", "verdict", "what we find", "our choice", "missing to settle it")
        lines += [f"## {paper}", "", *table(head, rows), ""]
    lines += ["## Not here yet", "", *(f"- {one}" for one in ABSENT)]
    return "\n".join(lines)


def _row(claim: Claim, found: tuple[str, ...]) -> tuple[str, ...]:
    verdict = claim.verdict(" ".join(found))
    words = "; ".join(
        f"{text.replace('|', ',')} ({quote.link})" for text, quote in zip(found, claim.quotes, strict=True)
    )
    bold = verdict if verdict == UNTESTED else f"**{verdict}**"
    return claim.sentence, bold, words or "-", claim.ours, claim.missing or "nothing"
