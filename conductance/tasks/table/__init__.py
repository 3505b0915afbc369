"""The task that a file of yours is: columns of CSV, TSV, NPY or NPZ files, or a folder of them."""

from conductance.tasks.table.task import Table

__all__ = ["Table"]
