"""DQIF in deep networks: its leaky twin, its window, trained maps."""

from studies.base import Study
from studies.dqif import page, run

STUDY = Study(
    name="dqif",
    title="DQIF in deep networks",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=page.figures,
    formats=("png",),
)
