"""What a neuron is: elements, neurons, derivation, layers, networks, tasks, training. Dimensionless."""
