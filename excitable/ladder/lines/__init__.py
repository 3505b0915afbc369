"""Lines of the ladder that are no rungs: what one more effect does to the trained model."""
