"""What a decision costs in our circuits, beside published chips."""

from studies.base import Study
from studies.energy import page

STUDY = Study(
    name="energy",
    title="Energy beside published chips",
    budgets=page.BUDGETS,
    work=page.read,
    page=page.page,
)
