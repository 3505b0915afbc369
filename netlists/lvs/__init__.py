"""The netlist that a layout is held against: drawn devices only, in a hierarchy."""
