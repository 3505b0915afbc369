"""Mismatch of single transistors, in a simulator: what each does to its cell, its network and its task."""
