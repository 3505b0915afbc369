"""QIF against LIF, both by exact gradients."""

from studies.base import Study
from studies.qif_lif import page, run, trainings

STUDY = Study(
    name="qif-lif",
    title="QIF against LIF, both by exact gradients",
    budgets=trainings.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=page.figures,
)
