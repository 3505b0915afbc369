"""Random changes of images, as published for CIFAR, ImageNet and CIFAR10-DVS."""

from dataclasses import dataclass

import torch
from torch.nn.functional import interpolate, pad


def _whole(generator: torch.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both possible."""
    return int(torch.randint(low, high + 1, (), generator=generator))


@dataclass(frozen=True, kw_only=True)
class Flip:
    """Left and right change places in half of the images."""

    def __call__(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(..., row, column) to the same shape."""
        return image.flip(-1) if _whole(generator, 0, 1) else image


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A window of the image's own size out of the image with a black border of `border` pixels."""

    border: int = 4

    def __call__(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(..., row, column) to the same shape."""
        rows, columns = image.shape[-2:]
        top, left = (_whole(generator, 0, 2 * self.border) for _ in range(2))
        wide = pad(image, [self.border] * 4)
        return wide[..., top : top + rows, left : left + columns]


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """One square of `size` pixels is black; its centre lies anywhere in the image (DeVries and Taylor 2017)."""

    size: int = 16

    def __call__(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(..., row, column) to the same shape."""
        rows, columns = image.shape[-2:]
        row, column = _whole(generator, 0, rows - 1), _whole(generator, 0, columns - 1)
        half, changed = self.size // 2, image.clone()
        changed[..., max(0, row - half) : row + half, max(0, column - half) : column + half] = 0
        return changed


@dataclass(frozen=True, kw_only=True)
class Roll:
    """The image moves by up to `pixels` in both directions; what leaves on one side comes back on the other."""

    pixels: int = 5

    def __call__(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(..., row, column) to the same shape."""
        shifts = tuple(_whole(generator, -self.pixels, self.pixels) for _ in range(2))
        return image.roll(shifts, (-2, -1))


@dataclass(frozen=True, kw_only=True)
class ResizedCrop:
    """A window of 8 % to 100 % of the area and a ratio of 3/4 to 4/3, resized to `size` pixels (as for ImageNet)."""

    size: int = 224
    smallest: float = 0.08

    def __call__(self, image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(channel, row, column) to (channel, size, size)."""
        rows, columns = image.shape[-2:]
        share, ratio = torch.rand(2, generator=generator).tolist()
        area = rows * columns * (self.smallest + (1 - self.smallest) * share)
        ratio = (3 / 4) * (16 / 9) ** ratio
        height = min(rows, max(1, round((area / ratio) ** 0.5)))
        width = min(columns, max(1, round((area * ratio) ** 0.5)))
        top, left = _whole(generator, 0, rows - height), _whole(generator, 0, columns - width)
        return resized(image[..., top : top + height, left : left + width], self.size, self.size)


def resized(image: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """(channel, row, column) at another resolution, by linear interpolation without aliases."""
    return interpolate(image.unsqueeze(0), (rows, columns), mode="bilinear", antialias=True)[0]


def centre(image: torch.Tensor, size: int, shorter: int) -> torch.Tensor:
    """The middle of an image whose shorter side is resized to `shorter` pixels: how ImageNet is tested."""
    rows, columns = image.shape[-2:]
    factor = shorter / min(rows, columns)
    image = resized(image, max(size, round(rows * factor)), max(size, round(columns * factor)))
    top, left = (image.shape[-2] - size) // 2, (image.shape[-1] - size) // 2
    return image[..., top : top + size, left : left + size]
