"""Simulators: chosen by name, run in private folders, one netlist or many; failures are values."""

from netlists.simulation.base import Program, Run, Simulator
from netlists.simulation.choice import SIMULATORS, find_simulator, known_simulator, no_such_simulator
from netlists.simulation.many import available_cores, simulate_all
from netlists.simulation.run import DEFAULT_TIME_LIMIT, kept_run, simulate, solve

__all__ = [
    "DEFAULT_TIME_LIMIT",
    "SIMULATORS",
    "Program",
    "Run",
    "Simulator",
    "available_cores",
    "find_simulator",
    "kept_run",
    "known_simulator",
    "no_such_simulator",
    "simulate",
    "simulate_all",
    "solve",
]
