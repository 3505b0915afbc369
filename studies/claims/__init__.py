"""Each sentence of the three papers that can be tested, and what the studies find."""

from studies.base import Study
from studies.claims import page

STUDY = Study(
    name="claims",
    title="What the papers claim, and what we find",
    budgets=page.BUDGETS,
    work=page.read,
    page=page.page,
)
