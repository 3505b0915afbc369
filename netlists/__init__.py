"""Text and simulators: a circuit written in a dialect, run in a simulator and read back as labelled waveforms."""

from netlists.analyses import DCSweep, Noise, OperatingPoint, SmallSignal, Tolerances, Transient
from netlists.netlist import Netlist
from netlists.simulation import Run, simulate, simulate_all
from netlists.writing import write_netlist

__all__ = [
    "DCSweep",
    "Netlist",
    "Noise",
    "OperatingPoint",
    "Run",
    "SmallSignal",
    "Tolerances",
    "Transient",
    "simulate",
    "simulate_all",
    "write_netlist",
]
