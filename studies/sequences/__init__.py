"""Real sequences: spiking networks beside a GRU at equal trained parameters, and what the circuit decides."""

from studies.base import Study
from studies.sequences import page, study

STUDY = Study(
    name="sequences",
    title="Real sequences: spiking networks beside a GRU, and a circuit",
    budgets=study.BUDGETS,
    work=study.run_study,
    page=page.page,
    figures=lambda found: {"sequences": page.figure(found)},
)
