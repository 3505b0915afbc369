"""The C text of an event loop: the programs of a flow as functions on vectors, and the loop around them."""

import ctypes
from collections.abc import Sequence
from importlib.resources import files

import sympy

from conductance.derivation.leaky import LeakyFlow
from conductance.derivation.printers.c import CPrinter
from conductance.derivation.program import Assignment, Program
from conductance.derivation.projective import ProjectiveFlow
from conductance.derivation.pseudospikes import Pseudospikes

Flow = ProjectiveFlow | LeakyFlow
CALL: tuple[tuple[str, type[ctypes.c_long | ctypes.c_void_p | ctypes.c_double]], ...] = (
    *(
        (name, ctypes.c_long) for name in (
            "events", "batch", "senders", "size", "width", "room", "intervals", "threads", "timed", "recurrent",
        )
    ),
    *(
        (name, ctypes.c_void_p) for name in (
            "times", "neurons", "mask", "weight", "first", "second", "tape", "spike_times", "spike_neurons",
            "spike_mask", "spike_intervals", "spike_slopes", "counts", "last_first", "last_second", "spike_bars",
            "first_bars", "second_bars", "time_bars", "sums", "arrivals", "returned", "last_intervals",
        )
    ),
    ("end", ctypes.c_double),
    ("delay", ctypes.c_double),
)  # fmt: skip
"""The argument of the compiled functions, member by member."""
CHAIN: tuple[tuple[str, type[ctypes.c_long | ctypes.c_void_p | ctypes.c_double]], ...] = (
    *((name, ctypes.c_void_p) for name in ("layers", "labels", "needed", "losses")),
    ("depth", ctypes.c_long),
    ("stride", ctypes.c_long),
    ("tau", ctypes.c_double),
    ("regulariser", ctypes.c_double),
)
"""The argument of a classifier's compiled function, member by member."""
POINTERS = {"layers": "const call_t *", "losses": "double *"}
"""Types of the members of `CHAIN` that point to neither numbers nor int64."""
WHOLE = (
    "neurons", "spike_neurons", "spike_intervals", "counts", "arrivals", "returned", "last_intervals", "labels",
    "needed",
)  # fmt: skip
"""Members that point to int64."""
TRUTH = ("mask", "spike_mask")
"""Members that point to bool."""
SLOPES = {ProjectiveFlow: 2, LeakyFlow: 4}
"""Slopes that are kept for each spike."""


def source(flow: Flow, dtype: str) -> str:
    """The C text for `dtype` "float32" or "float64".

    Raises:
        PrintError: an expression of the flow has no form in C.
    """
    here = files("conductance.events.compiled")
    vectors = (files("conductance.kernels") / "vectors.h").read_text("utf-8")
    head = "#define REAL_IS_DOUBLE\n" if dtype == "float64" else ""
    head += f"#define SLOPES {SLOPES[type(flow)]}\n"
    if isinstance(flow, ProjectiveFlow):
        functions = _projective(flow)
        loop = "projective.c"
        head += "#define ON_VOLTAGE\n" if flow.on_voltage else ""
    else:
        functions = _leaky(flow)
        loop = "leaky.c"
        head += f"#define RESET C({float(flow.reset)!r})\n"
    texts = [(here / name).read_text("utf-8") for name in ("common.c", loop)]
    return "\n".join([head, vectors, _struct("call_t", CALL), *functions, *texts])


def classifier_source(flow: Flow, after: Pseudospikes | None, dtype: str) -> str:
    """The C text of a classifier whose layers have one flow, and pseudospikes or none.

    Raises:
        PrintError: an expression has no form in C.
    """
    parts = [source(flow, dtype), _struct("chain_t", CHAIN)]
    if after is not None:
        rest = ("phase", "period", "by_angle", "by_root", "period_slope")
        parts += [
            "#define PSEUDOSPIKES\n",
            _function("drive", ("held",), after.drive, ("root", "root_slope")),
            _function("rest", ("p", "q", "root"), after.rest, rest),
        ]
    parts.append((files("conductance.events.compiled") / "classifier.c").read_text("utf-8"))
    return "\n".join(parts)


def _struct(
    title: str, listed: Sequence[tuple[str, type[ctypes.c_long | ctypes.c_void_p | ctypes.c_double]]]
) -> str:
    kinds = {name: "int64_t *" for name in WHOLE} | {name: "uint8_t *" for name in TRUTH} | POINTERS
    members = []
    for name, kind in listed:
        text = {ctypes.c_long: "long ", ctypes.c_double: "double "}.get(kind, kinds.get(name, "real *"))
        members.append(f"    {text}{name};\n")
    return "typedef struct {\n" + "".join(members) + f"}} {title};\n"


def _projective(flow: ProjectiveFlow) -> list[str]:
    shared, rest = _shared(flow.step)
    names = {symbol: f"shared[{index}]" for index, (symbol, _) in enumerate(shared)}
    duration = flow.step.inputs[3]
    prepare = CPrinter({duration: "duration"})
    lines = prepare.assignments(shared)
    lines += [f"shared[{index}] = {prepare.name(symbol)};" for index, (symbol, _) in enumerate(shared)]
    step = ("p", "q", "current", "duration")
    results = ("p_end", "q_end", "current_end", "squared", "turn", "push_slope", "fade", "drag", "fall")
    functions = [
        f"#define SHARED {len(shared)}\n",
        _text("prepare(vec duration, vec *shared)", lines),
        _function("move", step, rest, results, names=names, extra=", const vec *shared"),
        _function("count_turns", step, flow.phase, ("start", "stop")),
        _function("cross", ("p", "q", "current", "turns"), flow.crossing, ("wait",)),
        _function("slope", step, flow.crossing_gradient, ("by_angle", "by_current")),
    ]
    if flow.on_voltage:
        arrived = ("p_moved", "q_moved", "by_angle", "by_charge")
        functions.append(_function("arrive", ("p", "q", "charge"), flow.arrival, arrived))
    return functions


def _leaky(flow: LeakyFlow) -> list[str]:
    step = ("voltage", "current", "decay")
    results = ("voltage_end", "current_end", "keep", "push_slope", "fade", "drag", "fall")
    return [
        _function("move", step, flow.step, results),
        _function("cross", step[:2], flow.crossing, ("decay", "exists")),
        _function("passed", ("decay",), flow.waiting, ("duration",)),
        _function("faded", ("duration",), flow.fading, ("decay",)),
        _function("slope", step, flow.crossing_gradient, ("by_voltage", "by_current")),
    ]


def _shared(step: Program) -> tuple[tuple[Assignment, ...], Program]:
    """The assignments that depend on the duration alone, once for all neurons, and the program without them."""
    known = {step.inputs[3]}
    shared: list[Assignment] = []
    rest: list[Assignment] = []
    for symbol, expression in step.assignments:
        if expression.free_symbols and expression.free_symbols <= known:
            known.add(symbol)
            shared.append((symbol, expression))
        else:
            rest.append((symbol, expression))
    return tuple(shared), Program(inputs=step.inputs, assignments=tuple(rest), outputs=step.outputs)


def _function(
    name: str,
    inputs: Sequence[str],
    program: Program,
    results: Sequence[str],
    *,
    names: dict[sympy.Symbol, str] | None = None,
    extra: str = "",
) -> str:
    printer = CPrinter(dict(zip(program.inputs, inputs, strict=True)) | (names or {}))
    lines = printer.assignments(program.assignments)
    lines += [
        f"*{result} = {printer.vector(sympy.sympify(output))};"
        for result, output in zip(results, program.outputs, strict=True)
    ]
    arguments = ", ".join(f"vec {text}" for text in inputs) + extra
    return _text(f"{name}({arguments}, " + ", ".join(f"vec *{result}" for result in results) + ")", lines)


def _text(header: str, statements: Sequence[str]) -> str:
    return f"INLINE void {header} {{\n" + "".join(f"    {line}\n" for line in statements) + "}\n"
