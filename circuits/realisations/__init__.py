"""How a declared neuron is built: its currents recognised as parts, the parts made of cells, at a chosen level."""

from circuits.data.levels import LEVELS, Level
from circuits.realisations.at_level import realise
from circuits.realisations.behavioural import behavioural
from circuits.realisations.cells.cell import Trim
from circuits.realisations.kit import Kit, kit
from circuits.realisations.realisation import Realisation
from circuits.realisations.recognition import Recognised, recognised

__all__ = [
    "LEVELS",
    "Kit",
    "Level",
    "Realisation",
    "Recognised",
    "Trim",
    "behavioural",
    "kit",
    "realise",
    "recognised",
]
