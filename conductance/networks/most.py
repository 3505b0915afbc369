"""How many different values a network may be grouped into; configurations ask before anything heavy is loaded."""

MOST = 4096
