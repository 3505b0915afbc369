"""How many bits a weight needs, and what training with them gains."""

from studies.base import Study
from studies.bits import page, run

STUDY = Study(
    name="bits",
    title="Bits of a weight",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=lambda found: {"bits": page.study_figure(found)},
)
