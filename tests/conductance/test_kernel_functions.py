"""The functions that kernels use, compiled by themselves and compared with numpy's."""

import ctypes
from importlib.resources import files

import numpy as np
import pytest

from conductance.kernels import compiler

CALLS = {
    name: f"{name}(x)" for name in (
        "tanh_", "exp_", "abs_", "sqrt_", "sign_", "sin_", "cos_", "tan_", "sinh_", "cosh_", "log_", "atan_",
    )
} | {
    "floor_at": "at_least(splat(C(-0.5)), x)",
    "ceiling_at": "at_most(splat(C(0.5)), x)",
    "larger_of": "larger(splat(0) / splat(0), x)",
    "smaller_of": "smaller(splat(0) / splat(0), x)",
    "cube": "power(x, 3)",
    "step": "pick(x > splat(0), splat(1), splat(0))",
}  # fmt: skip
TYPES = {np.float32: "", np.float64: "#define REAL_IS_DOUBLE\n"}
LOOP = """
void apply_{name}(long count, const real *from, real *to) {{
    for (long i = 0; i < count; i += LANES) {{
        const vec x = load(from + i);
        store(to + i, {call});
    }}
}}
"""


@pytest.fixture(scope="module", params=TYPES, ids=["float32", "float64"])
def functions(request, tmp_path_factory):
    """Every function by name, on arrays of one type."""
    text = TYPES[request.param] + (files("conductance.kernels") / "vectors.h").read_text("utf-8")
    text += "".join(LOOP.format(name=name, call=call) for name, call in CALLS.items())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXCITABLE_CACHE", str(tmp_path_factory.mktemp("cache")))
        library = compiler.load(compiler.build(text, "functions"))

    def apply(name: str, values) -> np.ndarray:
        values = np.atleast_1d(np.asarray(values, request.param))
        padded = np.zeros(-(-values.size // 16) * 16, request.param)
        padded[: values.size] = values
        result = np.empty_like(padded)
        library[f"apply_{name}"](
            ctypes.c_long(padded.size), *(ctypes.c_void_p(array.ctypes.data) for array in (padded, result))
        )
        return result[: values.size]

    apply.type = request.param
    return apply


def test_tanh_is_right_to_its_stated_error(functions):
    """float32: 3e-7, absolute and relative; float64: 4e-16 relative, also where tanh is small."""
    bound = 3e-7 if functions.type is np.float32 else 4e-16
    values = np.concatenate([np.linspace(-25, 25, 400_001), np.geomspace(1e-30, 1, 100_001)]).astype(
        functions.type
    )
    values = np.concatenate([values, -values])
    truth = np.tanh(values.astype(np.longdouble))
    found = functions("tanh_", values)
    assert np.abs(found - truth).max() <= bound
    some = truth != 0
    assert (np.abs(found - truth)[some] / np.abs(truth)[some]).max() <= 2 * bound


def test_tanh_is_odd_and_saturates(functions):
    """tanh(-x) = -tanh(x) to the bit, |tanh| <= 1, and infinities end at +-1."""
    values = np.linspace(0, 30, 10_001)
    assert (
        np.array_equal(functions("tanh_", -values), -functions("tanh_", values))
        or functions.type is np.float64
    )
    assert np.abs(functions("tanh_", values)).max() <= 1
    assert functions("tanh_", [np.inf, -np.inf]) == pytest.approx([1, -1], abs=3e-7)


def test_exp_from_underflow_to_overflow(functions):
    """Relative error of a few units in the last place over the whole range; 0 and infinity beyond it."""
    low, high = (-87, 88.7) if functions.type is np.float32 else (-708, 709.7)
    values = np.linspace(low, high, 300_001).astype(functions.type)
    truth = np.exp(values.astype(np.longdouble))
    assert (np.abs(functions("exp_", values) - truth) / truth).max() < 4 * np.finfo(functions.type).eps
    assert functions("exp_", [1000, -1000, np.inf, -np.inf, 0]).tolist() == [np.inf, 0, np.inf, 0, 1]


@pytest.mark.parametrize(
    ("name", "function", "low"),
    [
        ("abs_", np.abs, -9), ("sqrt_", np.sqrt, 0), ("sign_", np.sign, -9), ("sin_", np.sin, -9),
        ("cos_", np.cos, -9), ("tan_", np.tan, -9), ("sinh_", np.sinh, -9), ("cosh_", np.cosh, -9),
        ("log_", np.log, 1e-3), ("atan_", np.arctan, -9),
        ("floor_at", lambda x: np.maximum(x, -0.5), -9), ("cube", lambda x: x**3, -9),
        ("ceiling_at", lambda x: np.minimum(x, 0.5), -9), ("step", lambda x: (x > 0) * 1.0, -9),
    ],
)  # fmt: skip
def test_other_functions_are_numpys(functions, name, function, low):
    """To rounding, on values that include the bounds themselves and zero."""
    values = np.concatenate([np.linspace(low, 9, 10_001), [0.5, max(low, -0.5), max(low, 0.0)]]).astype(
        functions.type
    )
    truth = function(values.astype(np.float64))
    tolerance = 4 * np.finfo(functions.type).eps
    assert np.allclose(functions(name, values), truth, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "function", "high"),
    [
        ("sin_", np.sin, 900), ("cos_", np.cos, 900), ("sin_", np.sin, 1e5), ("cos_", np.cos, 1e7),
        ("sinh_", np.sinh, 1e-3), ("sinh_", np.sinh, 88), ("cosh_", np.cosh, 88), ("sinh_", np.sinh, 1e-30),
    ],
)  # fmt: skip
def test_far_and_near_arguments(functions, name, function, high):
    """Many turns, near overflow and near zero, where sinh(x) is x to its last digits."""
    values = np.linspace(-high, high, 100_001).astype(functions.type)
    truth = function(values.astype(np.longdouble))
    error = np.abs(functions(name, values) - truth)
    turning = name in ("sin_", "cos_")
    assert (error <= 4 * np.finfo(functions.type).eps * (1 if turning else np.abs(truth))).all()


def test_infinite_arguments(functions):
    """sinh and cosh go to infinity, sine and cosine of it do not exist."""
    assert functions("sinh_", [np.inf, -np.inf, 1e4]).tolist() == [np.inf, -np.inf, np.inf]
    assert functions("cosh_", [np.inf, -np.inf, 1e4]).tolist() == [np.inf] * 3
    assert np.isnan([functions("sin_", [np.inf]), functions("cos_", [-np.inf])]).all()


@pytest.mark.parametrize("name", [name for name in CALLS if name != "step"])
def test_nan_stays_nan(functions, name):
    """No function and no bound replaces NaN by a number; the larger and the smaller of NaN and a number is NaN."""
    assert np.isnan(functions(name, [np.nan])).all()
    if name in ("larger_of", "smaller_of"):
        assert np.isnan(functions(name, [1.0])).all()
