"""The ladder's line of grouped values: the model's error with the few values that a generator makes, and before."""

import torch

from conductance.networks import Network
from conductance.networks.grouping import values_of
from conductance.tasks import Split, Task
from netlists.comparison import GroupingLine


def grouping_line(before: Network, after: Network, split: Split, task: Task) -> GroupingLine:
    """The task's error of a network before its neurons' values were grouped and after, on one split."""
    own = values_of(after)
    errors = []
    with torch.no_grad():
        for network in (before, after):
            output, _ = network(split.inputs.to(next(network.parameters()).dtype))
            errors.append(task.error(output.to(split.targets.dtype), split))
    return GroupingLine(
        currents=len(own.currents), references=len(own.references), before=errors[0], after=errors[1]
    )


def grouping_text(line: GroupingLine, name: str) -> str:
    """The line in words; `name` is that of the task's error."""
    return (
        f"grouped into {line.currents} bias currents and {line.references} references: {name} {line.before:.4f} "
        f"before, {line.after:.4f} after"
    )
