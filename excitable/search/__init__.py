"""Search over the keys of a configuration: a space, trials over any executor, a page with the best configuration."""
