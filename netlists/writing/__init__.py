"""Writing: the seam of dialects, and what every dialect needs: comments, names, expressions, initial voltages."""

from netlists.writing.seam import DIALECTS, Dialect, faults, find_dialect, write_netlist

__all__ = ["DIALECTS", "Dialect", "faults", "find_dialect", "write_netlist"]
