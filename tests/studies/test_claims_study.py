"""Summaries quote the pages of studies: what they say is what those pages say now."""

import pytest

from conductance.errors import ExcitableError
from studies import STUDIES, study
from studies.claims.claims import PAPERS, UNTESTED, Claim
from studies.energy.page import OURS
from studies.quotes import DOCS, Quote


@pytest.mark.parametrize("name", ["claims", "energy"])
def test_a_summary_is_what_its_program_writes(name, tmp_path):
    """A page of a study that changed, or a row that was typed by hand, makes the summary another one."""
    chosen = study(name)
    written = chosen.markdown(chosen.run(chosen.budgets["smoke"], tmp_path))
    assert (DOCS / f"{name}.md").read_text("utf-8") == written


def test_a_quote_follows_its_page_and_a_lost_one_is_named(tmp_path):
    """Groups are joined; a page without the words, or none at all, is an error that names it."""
    (tmp_path / "x.md").write_text("| DQIF | 3 | 862 |\nIt **holds**.")
    assert Quote(study="x", pattern=r"^\| (\w+) \| \d+ \| (\d+)").text(tmp_path) == "DQIF 862"
    assert Quote(study="x", pattern=r"\*\*holds\*\*").text(tmp_path) == "**holds**"
    with pytest.raises(ExcitableError, match=r"x\.md: nothing there is like 'fails'"):
        Quote(study="x", pattern="fails").text(tmp_path)
    with pytest.raises(ExcitableError, match="make study NAME=y"):
        Quote(study="y", pattern=".").text(tmp_path)


def test_a_verdict_follows_the_words_of_its_quotes():
    """The first of the known words decides, so that a lower error beside a higher one is not called good."""
    claim = Claim(sentence="x", verdicts={"is higher": "fails", "is lower": "holds"})
    assert claim.verdict("error is lower") == "holds"
    assert claim.verdict("error is lower; error is higher") == "fails"
    assert claim.verdict("nothing of the kind") == UNTESTED


def test_every_claim_with_evidence_has_a_verdict_and_every_quote_a_study():
    """A claim that no study answers says what is missing."""
    claims = [claim for paper in PAPERS.values() for claim in paper]
    assert len(claims) >= 15
    for claim in claims:
        assert all(quote.study in STUDIES for quote in claim.quotes)
        assert claim.quotes or claim.missing
        if claim.verdicts:
            assert claim.verdict(" ".join(quote.text() for quote in claim.quotes)) != UNTESTED
    assert all(entry.counted and entry.left_out for entry in OURS)
