"""Verilog-A: behavioural subcircuits as compact models, and the compiler that simulators with OSDI need."""
