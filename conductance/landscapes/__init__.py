"""Loss landscapes: a network's loss along paths and in planes, its jumps, and measures of them that are ours."""

from conductance.landscapes.jumps import CAUSES, Jump, find_jumps
from conductance.landscapes.measures import (
    MEASURES,
    Estimate,
    PathResult,
    Plane,
    estimates,
    measure_path,
    measure_plane,
    random_directions,
)
from conductance.landscapes.surface import (
    LandscapeError,
    NetworkSurface,
    Reading,
    Surface,
    classifier_surface,
    image_surface,
    series_surface,
)

__all__ = [
    "CAUSES",
    "MEASURES",
    "Estimate",
    "Jump",
    "LandscapeError",
    "NetworkSurface",
    "PathResult",
    "Plane",
    "Reading",
    "Surface",
    "classifier_surface",
    "estimates",
    "find_jumps",
    "image_surface",
    "measure_path",
    "measure_plane",
    "random_directions",
    "series_surface",
]
