"""Netlists that other tools wrote, read as data."""

from netlists.reading.extracted import read_extracted

__all__ = ["read_extracted"]
