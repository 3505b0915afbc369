"""Text and simulators: a circuit written as SPICE, run in ngspice and read back as labelled waveforms."""

from netlists.analyses import DCSweep, OperatingPoint, Tolerances, Transient
from netlists.execute import simulate_all
from netlists.netlist import Netlist
from netlists.ngspice.runner import Run, simulate
from netlists.writing import write_netlist

__all__ = [
    "DCSweep",
    "Netlist",
    "OperatingPoint",
    "Run",
    "Tolerances",
    "Transient",
    "simulate",
    "simulate_all",
    "write_netlist",
]
