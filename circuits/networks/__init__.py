"""Circuits of one neuron and of networks: continuous, event-based and sampled."""
