"""What DC sweeps say of amplifiers, membranes and output stages, and the laws that a model is retrained on."""
