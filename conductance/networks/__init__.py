"""Networks: chains of layers with the interface of a layer."""

from conductance.networks.chain import Network
from conductance.networks.recipes import RECIPES, Recipe, Spread, recipe_of
from conductance.networks.series import LayerPlan, RandomLoop, layered_network, series_network

__all__ = [
    "RECIPES",
    "LayerPlan",
    "Network",
    "RandomLoop",
    "Recipe",
    "Spread",
    "layered_network",
    "recipe_of",
    "series_network",
]
