"""VACASK: its netlists, in which behavioural parts are compiled Verilog-A, and the simulator itself."""
