"""Functions of generated Triton kernels; their text is put before that of every kernel.

A NaN that enters comes out. The float32 tanh is the rational function of vectors.h; its error is stated there.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, D103

import triton
import triton.language as tl


@triton.jit
def splat(value: tl.constexpr, like):
    return tl.full(like.shape, value, like.dtype)


@triton.jit
def above(x):
    return (x > 0).to(x.dtype)


# a spike: where x is not a number, neither is the result
@triton.jit
def step(x):
    return tl.where(x == x, (x > 0).to(x.dtype), x)


@triton.jit
def not_below(x):
    return (x >= 0).to(x.dtype)


@triton.jit
def larger(x, y):
    return tl.maximum(x, y, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def smaller(x, y):
    return tl.minimum(x, y, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def sign(x):
    return tl.where(x > 0, splat(1.0, x), tl.where(x < 0, splat(-1.0, x), x))


@triton.jit
def power(x, exponent: tl.constexpr):
    result = x
    for _ in tl.static_range(exponent - 1):
        result = result * x
    return result


# exp(x) - 1 without cancellation: the Taylor series where its first neglected term is below the rounding error.
@triton.jit
def expm1(x):
    near = larger(smaller(x, splat(0.35, x)), splat(-0.35, x))
    total = near * (1.0 / 6227020800.0) + 1.0 / 479001600.0
    total = total * near + 1.0 / 39916800.0
    total = total * near + 1.0 / 3628800.0
    total = total * near + 1.0 / 362880.0
    total = total * near + 1.0 / 40320.0
    total = total * near + 1.0 / 5040.0
    total = total * near + 1.0 / 720.0
    total = total * near + 1.0 / 120.0
    total = total * near + 1.0 / 24.0
    total = total * near + 1.0 / 6.0
    total = total * near + 0.5
    return tl.where(tl.abs(x) < 0.35, total * near * near + near, tl.exp(x) - 1.0)


@triton.jit
def tanh(x):
    if x.dtype == tl.float64:
        # tanh 20 is 1 in double precision
        grown = expm1(2.0 * larger(smaller(x, splat(20.0, x)), splat(-20.0, x)))
        return grown / (grown + 2.0)
    else:
        x = larger(smaller(x, splat(7.9, x)), splat(-7.9, x))
        y = x * x
        over = y * 2.4104387540896713e-11 - 1.4905977382397124e-08
        over = over * y + 9.939110544028693e-06
        over = over * y + 0.0029920895519017373
        over = over * y + 0.12984902905384313
        over = over * y + 0.9999999833178725
        under = y * 0.00023808574830841425 + 0.024053063299211006
        under = under * y + 0.4631822084307669
        under = under * y + 1.0
        return over * x / under


@triton.jit
def sinh(x):
    grown = expm1(tl.abs(x))
    return sign(x) * 0.5 * (grown + grown / (grown + 1.0))


@triton.jit
def cosh(x):
    grown = tl.exp(tl.abs(x))
    return 0.5 * (grown + 1.0 / grown)


@triton.jit
def tan(x):
    return tl.sin(x) / tl.cos(x)
