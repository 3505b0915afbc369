"""A trained QIF network in ngspice, spike by spike."""

from studies.base import Study
from studies.event_circuit import page, run

STUDY = Study(
    name="event-circuit",
    title="A trained QIF network in ngspice",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=page.figures,
)
