"""Raw files that are wrong in one way each: what a simulator, a full disk or another run can leave behind.

Each kind takes the bytes of a right file of one transient analysis, random numbers and gives the wrong bytes.
"""

import re
from collections.abc import Callable

import numpy as np

Wrong = Callable[[bytes, np.random.Generator], bytes]


def parts(data: bytes) -> tuple[bytes, np.ndarray]:
    """Header, up to the line `Binary:`, and the values (point, variable)."""
    head, mark, tail = data.partition(b"Binary:\n")
    columns = int(re.search(rb"No. Variables: *(\d+)", head)[1])
    return head + mark, np.frombuffer(tail).reshape(-1, columns).copy()


def whole(head: bytes, values: np.ndarray) -> bytes:
    """A file whose header announces just these points."""
    return re.sub(rb"No. Points: *\d+", b"No. Points: %d" % len(values), head) + values.tobytes()


def _points(keep: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Wrong:
    def wrong(data: bytes, rng: np.random.Generator) -> bytes:
        head, values = parts(data)
        return whole(head, keep(values, rng))

    return wrong


def _time(change: Callable[[np.ndarray, np.random.Generator], None]) -> Wrong:
    def wrong(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        change(values[:, 0], rng)
        return values

    return _points(wrong)


def _voltage(value: float) -> Wrong:
    def wrong(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        values[rng.integers(len(values)), rng.integers(1, values.shape[1])] = value
        return values

    return _points(wrong)


def _replace(old: bytes, new: bytes) -> Wrong:
    return lambda data, _rng: data.replace(old, new, 1)


def _second_plot(data: bytes, _rng: np.random.Generator) -> bytes:
    return data + data


def _without_middle(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    third = len(values) // 3
    return np.delete(values, slice(third, 2 * third + rng.integers(third)), axis=0)


def _from_minus_one(time: np.ndarray, _rng: np.random.Generator) -> None:
    time[0] = -1.0


def _constant(time: np.ndarray, _rng: np.random.Generator) -> None:
    time[:] = time[-1]


def _nan(time: np.ndarray, rng: np.random.Generator) -> None:
    time[rng.integers(len(time))] = np.nan


def _backwards(time: np.ndarray, _rng: np.random.Generator) -> None:
    time[1:-1] = time[-2:0:-1].copy()


def _stretched(time: np.ndarray, rng: np.random.Generator) -> None:
    time *= rng.uniform(1.001, 3)


def _shifted(time: np.ndarray, rng: np.random.Generator) -> None:
    time += rng.uniform(0.01, 1) * time[-1]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data))]


WRONG: dict[str, Wrong] = {
    "first half lost": _points(lambda values, _: values[len(values) // 2 :]),
    "middle lost": _points(_without_middle),
    "last half lost": _points(lambda values, _: values[: len(values) // 2]),
    "one point only": _points(lambda values, rng: values[rng.choice([0, -1])][None]),
    "no point": _points(lambda values, _: values[:0]),
    "time from -1": _time(_from_minus_one),
    "time with NaN": _time(_nan),
    "time constant": _time(_constant),
    "time backwards": _time(_backwards),
    "time stretched": _time(_stretched),
    "time shifted": _time(_shifted),
    "complex flags": _replace(b"Flags: real", b"Flags: complex"),
    "flags of another kind": _replace(b"Flags: real", b"Flags: padded"),
    "complex numbers": lambda data, _: whole(*_complex(data)),
    "a second plot": _second_plot,
    "another kind of plot": _replace(b"Transient Analysis", b"AC Analysis"),
    "the title of another circuit": lambda data, _: re.sub(rb"Title: .*", b"Title: * another", data),
    "1e30 V": _voltage(1e30),
    "-1e4 V": _voltage(-1e4),
    "NaN V": _voltage(np.nan),
    "infinite V": _voltage(np.inf),
    "cut anywhere": _cut,
    "another number of points": lambda data, rng: re.sub(
        rb"No. Points: *\d+", b"No. Points: %d" % rng.choice([0, 1, 10**9, 10**14]), data
    ),
    "a column twice": _replace(b"v(out)", b"v(in)"),
    "a column renamed": _replace(b"v(out)", b"v(elsewhere)"),
    "empty": lambda _data, _rng: b"",
    "noise": lambda data, rng: rng.bytes(len(data)),
}
"""By what is wrong."""


def _complex(data: bytes) -> tuple[bytes, np.ndarray]:
    head, values = parts(data)
    return head.replace(b"Flags: real", b"Flags: complex"), values.astype(complex)
