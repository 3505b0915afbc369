"""AutoAugment with the 25 policies that were found for CIFAR-10 (Cubuk et al. 2019, arXiv 1805.09501, appendix A).

Levels go from 0 to 9 in equal parts of the ranges of its table 6. Room that a shift, shear or turn leaves is grey, 128.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch

from conductance.errors import extra

with extra("images"):
    from PIL import Image, ImageEnhance, ImageOps

GREY = (128, 128, 128)
LEVELS = 9

Change = Callable[[Image.Image, float], Image.Image]


def _affine(image: Image.Image, *rows: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, rows, fillcolor=GREY)


SIGNED: Mapping[str, tuple[float, Change]] = MappingProxyType(
    {
        "shear_y": (0.3, lambda image, s: _affine(image, 1, 0, 0, s, 1, 0)),
        "translate_x": (150 / 331, lambda image, s: _affine(image, 1, 0, s * image.width, 0, 1, 0)),
        "translate_y": (150 / 331, lambda image, s: _affine(image, 1, 0, 0, 0, 1, s * image.height)),
        "rotate": (30.0, lambda image, s: image.rotate(s, fillcolor=GREY)),
        "colour": (0.9, lambda image, s: ImageEnhance.Color(image).enhance(1 + s)),
        "contrast": (0.9, lambda image, s: ImageEnhance.Contrast(image).enhance(1 + s)),
        "brightness": (0.9, lambda image, s: ImageEnhance.Brightness(image).enhance(1 + s)),
        "sharpness": (0.9, lambda image, s: ImageEnhance.Sharpness(image).enhance(1 + s)),
    }
)
"""Changes in either direction: the strength of the last level (share of the side, degrees, or of the factor)."""
PLAIN: Mapping[str, Change] = MappingProxyType(
    {
        "posterize": lambda image, level: ImageOps.posterize(image, 8 - round(4 * level / LEVELS)),
        "solarize": lambda image, level: ImageOps.solarize(image, round(255 * (1 - level / LEVELS))),
        "auto_contrast": lambda image, _: ImageOps.autocontrast(image),
        "equalize": lambda image, _: ImageOps.equalize(image),
        "invert": lambda image, _: ImageOps.invert(image),
    }
)
"""Changes without direction, by level."""
POLICIES: tuple[tuple[tuple[str, float, int], tuple[str, float, int]], ...] = (
    (("invert", 0.1, 7), ("contrast", 0.2, 6)),
    (("rotate", 0.7, 2), ("translate_x", 0.3, 9)),
    (("sharpness", 0.8, 1), ("sharpness", 0.9, 3)),
    (("shear_y", 0.5, 8), ("translate_y", 0.7, 9)),
    (("auto_contrast", 0.5, 8), ("equalize", 0.9, 2)),
    (("shear_y", 0.2, 7), ("posterize", 0.3, 7)),
    (("colour", 0.4, 3), ("brightness", 0.6, 7)),
    (("sharpness", 0.3, 9), ("brightness", 0.7, 9)),
    (("equalize", 0.6, 5), ("equalize", 0.5, 1)),
    (("contrast", 0.6, 7), ("sharpness", 0.6, 5)),
    (("colour", 0.7, 7), ("translate_x", 0.5, 8)),
    (("equalize", 0.3, 7), ("auto_contrast", 0.4, 8)),
    (("translate_y", 0.4, 3), ("sharpness", 0.2, 6)),
    (("brightness", 0.9, 6), ("colour", 0.2, 8)),
    (("solarize", 0.5, 2), ("invert", 0.0, 3)),
    (("equalize", 0.2, 0), ("auto_contrast", 0.6, 0)),
    (("equalize", 0.2, 8), ("equalize", 0.6, 4)),
    (("colour", 0.9, 9), ("equalize", 0.6, 6)),
    (("auto_contrast", 0.8, 4), ("solarize", 0.2, 8)),
    (("brightness", 0.1, 3), ("colour", 0.7, 0)),
    (("solarize", 0.4, 5), ("auto_contrast", 0.9, 3)),
    (("translate_y", 0.9, 9), ("translate_y", 0.7, 9)),
    (("auto_contrast", 0.9, 2), ("solarize", 0.8, 3)),
    (("equalize", 0.8, 8), ("invert", 0.1, 3)),
    (("translate_y", 0.7, 9), ("auto_contrast", 0.9, 1)),
)
"""Two changes each: name, probability, level (without meaning for auto_contrast, equalize and invert)."""


def changed(image: Image.Image, name: str, level: int, sign: int) -> Image.Image:
    """The image after one change of a level from 0 to 9; `sign` is 1 or -1."""
    if name in PLAIN:
        return PLAIN[name](image, level)
    strength, change = SIGNED[name]
    return change(image, sign * strength * level / LEVELS)


@dataclass(frozen=True, kw_only=True)
class AutoAugment:
    """One of `POLICIES`, drawn anew for each image.

    They are defined on bytes, and images arrive standardised: they become bytes before and are standardised after.

    Attributes:
        mean: of each of three channels, with brightness from 0 to 1.
        std: standard deviation of each channel, likewise.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(3, row, column) to the same shape."""
        mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (self.mean, self.std))
        pixels = ((image * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        picture = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
        policy = POLICIES[int(torch.randint(len(POLICIES), (), generator=generator))]
        for name, probability, level in policy:
            chance, side = torch.rand(2, generator=generator).tolist()
            if chance < probability:
                picture = changed(picture, name, level, 1 if side < 0.5 else -1)
        found = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        return ((found.float() / 255 - mean) / std).contiguous()
