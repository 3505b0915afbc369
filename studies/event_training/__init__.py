"""What event-based QIF networks learn by exact gradients."""

from studies.base import Study
from studies.event_training import page, run

STUDY = Study(
    name="event-training",
    title="What event-based QIF networks learn",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
)
