"""One expression, many languages."""
