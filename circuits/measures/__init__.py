"""What is measured on a circuit without a simulator: bias currents, areas, chips drawn from mismatch."""
