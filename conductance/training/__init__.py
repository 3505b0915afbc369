"""Training of any network on any task, with Lightning: metrics, checkpoints, exact resumption.

Lightning takes seconds to import, so `train` and `TrainingResult` are imported when they are first named.
"""

from typing import TYPE_CHECKING, Any

from conductance.training.metrics import Record, read_metrics
from conductance.training.options import TrainingError, TrainingOptions

if TYPE_CHECKING:
    from conductance.training.loop import TrainingResult, train

__all__ = ["Record", "TrainingError", "TrainingOptions", "TrainingResult", "read_metrics", "train"]


def __getattr__(name: str) -> Any:
    if name in ("TrainingResult", "train"):
        from conductance.training import loop

        return getattr(loop, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
