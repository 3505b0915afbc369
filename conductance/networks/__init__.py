"""Networks: chains of layers with the interface of a layer."""

from conductance.networks.chain import Network
from conductance.networks.recipes import RECIPES, Recipe, Spread, recipe_of
from conductance.networks.series import series_network

__all__ = ["RECIPES", "Network", "Recipe", "Spread", "recipe_of", "series_network"]
