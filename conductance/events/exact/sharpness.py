"""How sharp pseudospikes are; configurations ask before anything heavy is loaded."""

SHARPNESS = 0.1
"""As published: the public code of arXiv 2309.14523 has alpha log(1 + exp(I/alpha)) with alpha = 10, so a neuron at
I = 0 has the drive 6.9. Read as a sharpness, softplus_10 would be 10. Studies that take 1 say so; it is ours."""
