"""Training of deep spiking networks with Lightning: several processes, mixed precision, accumulation, resume."""

from conductance.deep.training.fit import ImageResult, train_images
from conductance.deep.training.options import ImageTrainingOptions

__all__ = ["ImageResult", "ImageTrainingOptions", "train_images"]
