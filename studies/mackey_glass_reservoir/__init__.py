"""Mackey-Glass by fixed random recurrent MTC neurons and a solved readout, beside an echo state network and a GRU."""

from studies.base import Study
from studies.mackey_glass_reservoir import page, run

STUDY = Study(
    name="mackey-glass-reservoir",
    title="Mackey-Glass: random recurrent MTC neurons with a solved readout",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=lambda found: {"mackey-glass-reservoir": page.figure(found)},
)
