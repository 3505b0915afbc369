"""Why DQIF is below its leaky twin on digits: one factor at a time."""

from studies.base import Study
from studies.dqif_factors import page, run

STUDY = Study(
    name="dqif-factors",
    title="DQIF against its leaky twin, one factor at a time",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=page.figures,
)
