"""Training of any network on any task, with Lightning: metrics, checkpoints, exact resumption.

Lightning takes seconds to import, so each name is imported when it is first asked for.
"""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily

if TYPE_CHECKING:
    from conductance.training.loop import TrainingResult as TrainingResult
    from conductance.training.loop import train as train
    from conductance.training.metrics import Record as Record
    from conductance.training.metrics import read_metrics as read_metrics
    from conductance.training.options import TrainingError as TrainingError
    from conductance.training.options import TrainingOptions as TrainingOptions

__getattr__, __dir__, __all__ = lazily(__name__, __file__)
