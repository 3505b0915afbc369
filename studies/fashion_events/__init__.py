"""QIF against LIF by exact gradients on Fashion-MNIST, and where silent neurons go."""

from studies.base import Study
from studies.fashion_events import page, run, trainings

STUDY = Study(
    name="fashion-events",
    title="QIF against LIF by exact gradients on Fashion-MNIST",
    budgets=trainings.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=page.figures,
)
