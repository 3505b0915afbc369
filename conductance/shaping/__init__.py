"""What a declared neuron does: its curves, equilibria, trajectories and regimes."""
