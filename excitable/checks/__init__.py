"""A neuron's or a network's circuit held to its model, in a script and in a test."""
