"""The time loop of a rule as one Triton kernel for GPUs, forwards and backwards, printed from the rule."""
