"""Training of deep spiking networks with Lightning: several processes, mixed precision, accumulation, resume.

Lightning takes seconds to import, so it is loaded when training is first named.
"""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily

if TYPE_CHECKING:
    from conductance.deep.training.fit import ImageResult as ImageResult
    from conductance.deep.training.fit import train_images as train_images
    from conductance.deep.training.options import ImageTrainingOptions as ImageTrainingOptions

__getattr__, __dir__, __all__ = lazily(__name__, __file__)
