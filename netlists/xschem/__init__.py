"""Sheets and symbols for xschem 2.8 and later: the drawn devices, placed so that they can be read."""
