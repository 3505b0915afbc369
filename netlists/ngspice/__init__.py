"""All that is ngspice's own: cards, expressions, names, raw files, options and the runner."""
