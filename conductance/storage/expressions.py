"""Sympy expressions as JSON, and back: a tree of operators from a fixed list, so that reading a file runs no code.

    -alpha*tanh(U - 0.5)   ->   ["*", -1, "alpha", ["tanh", ["+", -0.5, "U"]]]

A text is a symbol, a number is a number; everything else is a list whose first entry names the operator.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from conductance.files import StorageError
from conductance.surrogates import MARGIN, SURROGATES, SpikeStep, Surrogate
from conductance.tables import Samples, TableError, Tabulated

OPERATORS: Mapping[str, Any] = {
    "+": sympy.Add, "*": sympy.Mul, "^": sympy.Pow, "min": sympy.Min, "max": sympy.Max, "abs": sympy.Abs,
    "sign": sympy.sign, "tanh": sympy.tanh, "exp": sympy.exp, "log": sympy.log, "sin": sympy.sin, "cos": sympy.cos,
    "tan": sympy.tan, "sinh": sympy.sinh, "cosh": sympy.cosh, "atan": sympy.atan, "<": sympy.StrictLessThan,
    "<=": sympy.LessThan, ">": sympy.StrictGreaterThan, ">=": sympy.GreaterThan, "and": sympy.And, "or": sympy.Or,
    "not": sympy.Not,
}  # fmt: skip
NAMES = {kind: name for name, kind in OPERATORS.items()}
DEPTH = 200
"""Deepest tree that is read; declarations stay far below."""
LARGEST, EXPONENT, BITS = 1e300, 1000, 4096
"""Of what is read: the largest number, the largest constant exponent, and the longest fraction. sympy computes
constants when they are put together, and 10^(10^9) exactly."""


def encode_expression(expression: sympy.Basic) -> Any:
    """The expression as JSON data.

    Raises:
        StorageError: an operator that files do not know.
    """
    if isinstance(expression, sympy.Symbol):
        return expression.name
    if isinstance(expression, sympy.Integer):
        return int(expression)
    if isinstance(expression, sympy.Float):
        return float(expression)
    if isinstance(expression, sympy.Rational):
        return ["/", int(expression.p), int(expression.q)]
    if expression is sympy.pi:
        return ["pi"]
    if expression in (sympy.true, sympy.false):
        return bool(expression)
    if isinstance(expression, sympy.Piecewise):
        return [
            "piecewise",
            *([encode_expression(value), encode_expression(when)] for value, when in expression.args),
        ]
    if isinstance(expression, SpikeStep):
        values = map(encode_expression, expression.args[1:])
        return ["spike", encode_surrogate(expression.surrogate), *values]
    if isinstance(expression, Tabulated):
        table = expression.samples
        numbers = [table.low, table.interval, table.coefficients.tolist()]
        return ["table", encode_expression(expression.voltage), *numbers]
    if expression.func in NAMES:
        return [NAMES[expression.func], *map(encode_expression, expression.args)]
    raise StorageError(f"expression {expression}: {expression.func.__name__} has no form in files")


def decode_expression(data: Any, symbols: Mapping[str, sympy.Symbol], depth: int = 0) -> sympy.Basic:
    """The expression of JSON data, in the given symbols.

    Raises:
        StorageError: an unknown symbol or operator, or data of another form.
    """
    if depth > DEPTH:
        raise StorageError(f"expression: it is nested deeper than {DEPTH}")
    if isinstance(data, bool):
        return sympy.true if data else sympy.false
    if isinstance(data, int):
        return _bounded(sympy.Integer(data))
    if isinstance(data, float):
        return _bounded(sympy.Float(data))
    if isinstance(data, str):
        if data not in symbols:
            raise StorageError(
                f"expression: symbol {data!r} is not declared; declared are {', '.join(symbols)}"
            )
        return symbols[data]
    if isinstance(data, list) and data and isinstance(data[0], str):
        return _operation(data[0], data[1:], symbols, depth + 1)
    raise StorageError(f"expression: {data!r} is neither a symbol, a number nor an operator with arguments")


def encode_surrogate(surrogate: Surrogate) -> Any:
    """The name of a surrogate of the package; of one's own its name, symbols, source, and slope as an expression.

    Raises:
        StorageError: the slope has a form that files do not know.
    """
    if SURROGATES.get(surrogate.name) == surrogate:
        return surrogate.name
    return {
        "name": surrogate.name,
        "slope": encode_expression(surrogate.slope),
        "symbols": [symbol.name for symbol in surrogate.symbols],
        "source": surrogate.source,
    }


def decode_surrogate(data: Any) -> Surrogate:
    """The surrogate that `encode_surrogate` was given.

    Raises:
        StorageError: an unknown name, or data of another form.
    """
    if isinstance(data, str) and data in SURROGATES:
        return SURROGATES[data]
    if isinstance(data, dict) and set(data) == {"name", "slope", "symbols", "source"}:
        texts = [data["name"], data["source"], *data["symbols"]] if isinstance(data["symbols"], list) else [0]
        if all(isinstance(text, str) for text in texts):
            own = tuple(sympy.Symbol(name, real=True) for name in data["symbols"])
            slope = decode_expression(data["slope"], {symbol.name: symbol for symbol in (MARGIN, *own)})
            return Surrogate(name=data["name"], slope=slope, source=data["source"], symbols=own)
    raise StorageError(f"surrogate {data!r} is unknown; known are {', '.join(SURROGATES)}")


def _operation(name: str, arguments: list, symbols: Mapping[str, sympy.Symbol], depth: int) -> sympy.Basic:
    try:
        if name == "pi" and not arguments:
            return sympy.pi
        if name == "/":
            top, bottom = arguments
            return _bounded(sympy.Rational(int(top), int(bottom)))
        if name == "piecewise":
            pieces = [(value, when) for value, when in arguments]
            return sympy.Piecewise(
                *(
                    (decode_expression(a, symbols, depth), decode_expression(b, symbols, depth))
                    for a, b in pieces
                )
            )
        if name == "spike":
            surrogate, margin, *values = arguments
            chosen = decode_surrogate(surrogate)
            found = [decode_expression(value, symbols, depth) for value in values]
            given = dict(zip(chosen.symbols, found, strict=True))
            return chosen.step(decode_expression(margin, symbols, depth), given)
        if name == "table":
            voltage, low, interval, pieces = arguments
            table = Samples(low, interval, np.array(pieces, float))
            return Tabulated(table, decode_expression(voltage, symbols, depth))
        if name in OPERATORS:
            operands = [decode_expression(argument, symbols, depth) for argument in arguments]
            if name == "^" and operands[1].is_number and not abs(operands[1]) <= EXPONENT:
                raise StorageError(f"expression: the exponent {operands[1]} is beyond {EXPONENT}")
            return _bounded(OPERATORS[name](*operands))
    except StorageError:
        raise
    except TableError as error:
        raise StorageError(f"expression: {error}") from None
    except (TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        raise StorageError(f"expression: operator {name!r} does not take {arguments!r} ({error})") from None
    raise StorageError(f"expression: operator {name!r} is unknown; known are {', '.join(OPERATORS)}")


def _bounded(found: sympy.Basic) -> sympy.Basic:
    """The expression itself; `StorageError` for a constant that is too large to be computed with, or no real number."""
    if not isinstance(found, sympy.Expr) or found.free_symbols:
        return found
    if isinstance(found, sympy.Rational) and max(int(found.p).bit_length(), int(found.q).bit_length()) > BITS:
        raise StorageError(f"expression: a constant takes more than {BITS} bits")
    size = sympy.Abs(found).evalf(15)
    if not (size.is_Number and size.is_finite and size <= LARGEST):
        raise StorageError(f"expression: a constant is no real number up to {LARGEST:g}")
    return found
