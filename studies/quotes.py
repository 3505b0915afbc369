"""Numbers and verdicts quoted from the pages of other studies, so that a summary cannot say something else."""

import re
from dataclasses import dataclass
from pathlib import Path

from conductance.errors import ExcitableError

DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A place on a study's page.

    Attributes:
        study: whose page it is.
        pattern: a regular expression; its groups, joined by a space, are what is quoted, or all that it matches.
    """

    study: str
    pattern: str

    def text(self, docs: Path = DOCS) -> str:
        """What the page says now.

        Raises:
            ExcitableError: the page is missing or says nothing of the kind any more.
        """
        path = docs / f"{self.study}.md"
        if not path.exists():
            raise ExcitableError(f"{path}: there is no such page; run `make study NAME={self.study}`")
        found = re.search(self.pattern, path.read_text("utf-8"), re.M)
        if found is None:
            raise ExcitableError(
                f"{path}: nothing there is like {self.pattern!r}; its study says something else now: change the quote"
            )
        return " ".join(found.groups()) or found.group()

    @property
    def link(self) -> str:
        """To the page, in Markdown."""
        return f"[{self.study}]({self.study}.md)"
