"""The exact step of a linear equation under a held input: y(dt) = r + exp(A dt) (y - r) for dy/dt = A (y - r).

For triangular A, where states drive each other in one direction: a leak, a chain of filters, a membrane with a
synaptic current. An event's margin is looked at where the step ends, as in every rule.
"""

from collections.abc import Mapping

import sympy

from conductance.neurons.base import DT, SPIKE, Neuron

ORDER = 99
"""Exact but for rounding."""


def has_exact_step(neuron: Neuron) -> bool:
    """Whether the neuron's equation is linear and triangular, with rates that are equal or never equal."""
    if neuron.is_map:
        return False
    derivatives = {state.symbol: state.derivative for state in neuron.states}
    if any(SPIKE in sympy.sympify(slope).free_symbols for slope in derivatives.values()):
        return False
    matrix = _matrix(derivatives)
    if matrix.free_symbols & set(derivatives) or not (matrix.is_lower or matrix.is_upper):
        return False
    rates = [sympy.simplify(matrix[place, place]) for place in range(matrix.rows)]
    apart = [sympy.simplify(one - other) for k, one in enumerate(rates) for other in rates[:k]]
    return all(rate.is_negative for rate in rates) and (
        all(each == 0 for each in apart) or all(each.is_nonzero for each in apart)
    )


def flow(derivatives: Mapping[sympy.Symbol, sympy.Expr]) -> dict[sympy.Symbol, sympy.Expr]:
    """Each state after DT, of the derivatives of a neuron that `has_exact_step`."""
    matrix = _matrix(derivatives)
    if not matrix.is_lower:
        backwards = dict(reversed(list(derivatives.items())))
        return {state: flow(backwards)[state] for state in derivatives}
    matrix = matrix.applyfunc(sympy.simplify)
    states = sympy.Matrix(list(derivatives))
    still = sympy.Matrix([sympy.sympify(d).subs(dict.fromkeys(derivatives, 0)) for d in derivatives.values()])
    # about the state at which it comes to rest: a small step then loses no digits
    rest = -(matrix.inv() * still).applyfunc(sympy.simplify)
    following = rest + _exponential(matrix) * (states - rest)
    return dict(zip(derivatives, following, strict=True))


def _matrix(derivatives: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Matrix:
    return sympy.Matrix(list(derivatives.values())).jacobian(list(derivatives))


def _exponential(matrix: sympy.Matrix) -> sympy.Matrix:
    """exp(A DT) of a lower triangular matrix."""
    size = matrix.rows
    rates = [matrix[place, place] for place in range(size)]
    if len(set(rates)) == 1:
        # one rate: exp(rate DT) times the finite series of what is below the diagonal
        chain = (matrix - rates[0] * sympy.eye(size)) * DT
        series = [sympy.eye(size)]
        for power in range(1, size):
            series.append(series[-1] * chain / power)
        return sympy.exp(rates[0] * DT) * sum(series[1:], series[0])
    # Parlett's recurrence, for rates that all differ
    result = sympy.diag(*(sympy.exp(rate * DT) for rate in rates))
    for below in range(1, size):
        for column in range(size - below):
            row = column + below
            total = matrix[row, column] * (result[row, row] - result[column, column])
            for k in range(column + 1, row):
                total += matrix[row, k] * result[k, column] - result[row, k] * matrix[k, column]
            result[row, column] = sympy.simplify(total / (rates[row] - rates[column]))
    return result
