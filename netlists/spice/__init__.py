"""SPICE as other tools read it: one writer, and for each tool a table of what it says otherwise."""
