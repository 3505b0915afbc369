"""DQIF as a clocked circuit: exactness, clock, digits, energy."""

from studies.base import Study
from studies.dqif_circuit import page, run

STUDY = Study(
    name="dqif-circuit",
    title="DQIF as a clocked circuit",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=lambda found: {"dqif-circuit": page.drawn(found)},
    formats=("png",),
)
