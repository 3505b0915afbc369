"""From a trained network to a checked circuit: export, simulate, compare, for each kind of network."""
