"""NeuroBench's Mackey-Glass task by random recurrent MTC neurons, beside an echo state network."""

from studies.base import Study
from studies.neurobench_mackey_glass import page, run

STUDY = Study(
    name="neurobench-mackey-glass",
    title="NeuroBench's Mackey-Glass task by random recurrent MTC neurons",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=page.figures,
)
