"""The time loop of a recurrent layer as one compiled function: the step and the product with the weights, and back."""
