"""Names that configurations and layers share."""

OUTPUT = "output"
"""The source of recurrent weights that is the neurons' output; any other is the name of a state, as `us` or `um`."""
