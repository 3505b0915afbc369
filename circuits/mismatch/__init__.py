"""Mismatch of single devices: what each transistor and capacitor of a chip is off by, and what that does to a cell."""
