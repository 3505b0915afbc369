"""R peaks of a real ECG, found in the circuit's own time; from the file to the energy of a decision."""

from studies.base import Study
from studies.ecg import page, run

STUDY = Study(
    name="ecg",
    title="R peaks of an ECG in real time",
    budgets=run.BUDGETS,
    work=run.run_study,
    page=page.page,
    figures=lambda found: {"ecg": page.study_figure(found)},
)
