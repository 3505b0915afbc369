"""MTC against LIF and AdLIF on Mackey-Glass, at equal budget."""

from studies.base import Study
from studies.mackey_glass import page, run

STUDY = Study(
    name="mackey-glass",
    title="Mackey-Glass: MTC against LIF and AdLIF",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=lambda found: {"mackey-glass": page.comparison_figure(found)},
)
