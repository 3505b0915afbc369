"""Networks: chains of layers with the interface of a layer; each name is imported when it is first asked for."""

from typing import TYPE_CHECKING

from conductance.loading.lazy import lazily

if TYPE_CHECKING:
    from conductance.networks.chain import Network as Network
    from conductance.networks.coding import coded as coded
    from conductance.networks.grouping import grouped as grouped
    from conductance.networks.plans import GivenLoop as GivenLoop
    from conductance.networks.plans import LayerPlan as LayerPlan
    from conductance.networks.plans import RandomLoop as RandomLoop
    from conductance.networks.recipes import RECIPES as RECIPES
    from conductance.networks.recipes import Recipe as Recipe
    from conductance.networks.recipes import Spread as Spread
    from conductance.networks.recipes import recipe_of as recipe_of
    from conductance.networks.series import layered_network as layered_network
    from conductance.networks.series import series_network as series_network

__getattr__, __dir__, __all__ = lazily(__name__, __file__)
