"""A chain of equal first-order low-passes, declared like a neuron so that everything treats it like a layer."""

import sympy

from conductance.elements.base import DeclarationError
from conductance.errors import refuse_truth_values
from conductance.neurons.base import INPUT, Neuron, State
from conductance.neurons.membrane import time_constant


def low_pass(*, order: int = 4, tau: float = 5.0, name: str = "low_pass") -> Neuron:
    """`order` sections, tau dy_k/dt = y_(k-1) - y_k with y_0 the input; the output is the last.

    That the readout's filter is of order 4 is published (digests of arXiv 2605.11835); equal sections are our choice.
    """
    refuse_truth_values(f"low-pass {name}", order=order)
    if order < 1:
        raise DeclarationError(f"low-pass {name}: order {order} must be at least 1")
    constant = time_constant("tau", tau, "time constant of each section")
    symbols = [sympy.Symbol(f"y_{section}", real=True) for section in range(1, order + 1)]
    states = tuple(
        State(
            name=f"y{section}", symbol=symbol, capacity=constant.symbol, meaning=f"output of section {section}",
            currents={"leak": -symbol, "input" if section == 1 else "drive": driver},
        )
        for section, (symbol, driver) in enumerate(zip(symbols, [INPUT, *symbols[:-1]], strict=True), 1)
    )  # fmt: skip
    return Neuron(
        name=name,
        meaning=f"low-pass filter of order {order}",
        parameters=(constant,),
        states=states,
        output=symbols[-1],
    )
