"""Noise from the device to the membrane: model, behavioural netlist and transistors against each other."""

from studies.base import Study
from studies.noise import figures, page, run

STUDY = Study(
    name="noise",
    title="Noise",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=lambda found: {"noise": figures.drawn(found)},
    formats=("png", "svg"),
)
