"""Two bursting neurons that inhibit each other: in turns, and alike as model, equation and netlist."""

from studies.base import Study
from studies.half_centre import page, run

STUDY = Study(
    name="half-centre",
    title="A half-centre oscillator",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=lambda found: {"half-centre": page.study_figure(found)},
)
