"""Whether training on a new chip per step pays."""

from studies.base import Study
from studies.mismatch import page, run

STUDY = Study(
    name="mismatch",
    title="Training on chips that differ",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=lambda found: {"mismatch": page.study_figure(found)},
)
