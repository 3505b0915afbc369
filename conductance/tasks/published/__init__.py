"""Published data sets as tables: taken out of packages that registries hold, since nothing else need be downloaded."""

from conductance.tasks.published.tables import DATASETS, Dataset, write_dataset

__all__ = ["DATASETS", "Dataset", "write_dataset"]
