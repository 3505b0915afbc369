"""What the documentation shows is executed, and the site builds without a warning."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from excitable.config.kinds import models
from scripts.docs_macros import FORMULA, configuration_keys, formulas, printed_formulas

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "docs").rglob("*.md")
    if "```python" in path.read_text(encoding="utf-8")
)


def test_pages_with_snippets_are_found():
    """The start, the theory and the how-tos at least."""
    assert len(PAGES) >= 8


@pytest.mark.simulator
@pytest.mark.parametrize("page", PAGES)
def test_snippets_run(page, tmp_path, monkeypatch):
    """Those of a page follow each other, as a reader would type them; their own assertions hold."""
    monkeypatch.chdir(tmp_path)
    scope = {"__name__": "__main__"}
    text = (ROOT / page).read_text(encoding="utf-8")
    for number, snippet in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL)):
        exec(compile(snippet, f"{page}, snippet {number}", "exec"), scope)


def test_the_site_builds_and_needs_no_network(tmp_path):
    """Strictly: every link and every documented name exists; no page asks another host for anything."""
    pytest.importorskip("material")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert len(pages) > 15
    asked = [
        found
        for page in pages
        for found in re.findall(r'(?:src|rel="stylesheet" href)="(https?:[^"]+)', page)
    ]
    assert not asked
    assert any("<math" in page for page in pages)


def test_formulas_are_printed_and_code_is_left_alone():
    """A formula in a line and one by itself become MathML, a dollar in code stays."""
    text = "of $s^2$ and\n\n$$C\\,dx = \\sum_k I_k$$\n\n`$HOME`\n\n```sh\necho $A $B\n```\n"
    shown = printed_formulas(formulas(text))
    assert shown.count("<math") == 2 and 'display="block"' in shown and "`$HOME`" in shown
    assert "echo $A $B" in shown and "$s^2$" not in shown


def test_no_page_shows_a_formula_as_its_source():
    """Outside code no dollar is left in any page, so that a formula that is no formula is seen."""
    for page in (ROOT / "docs").rglob("*.md"):
        text = FORMULA.sub(lambda found: "", page.read_text(encoding="utf-8"))
        assert "$" not in text, page


def test_the_reference_lists_every_key_of_every_kind():
    """Each key of each section of each configuration class stands in a table, tasks by their names."""
    told = configuration_keys()
    listed = set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE))
    sections = [field.annotation for model in models() for field in model.model_fields.values()]
    wanted = {key for section in sections if hasattr(section, "model_fields") for key in section.model_fields}
    assert wanted and wanted - listed == set()
    assert {"path", "weights", "held_out_samples", "mixed"} <= listed
    for name in ("table", "free_run", "mackey_glass", "yin_yang", "shd"):
        assert f'with `name = "{name}"`' in told
