"""The event loop in torch, written in whole tensors, and the literal one in floats that it is tested against."""
