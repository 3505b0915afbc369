"""The Triton source of a layer's time loop, forwards and backwards, printed from its rule.

One program steps one block of lanes (batch and neuron as one index, as in time_loop.c) through all of time. States,
constants, adjoints and sums stay in registers. Time is cut into segments that are written out step by step: forwards
a segment's inputs are loaded while the one before it is computed; backwards its states are computed again from its
checkpoint and stay in registers too. The last segment, if incomplete, is stepped one by one.

Lanes past the end repeat the last one: they write the same values to the same places, so nothing is masked.
"""

from importlib.resources import files

import sympy

from conductance.derivation.printers.triton import LIKE, TritonPrinter
from conductance.derivation.program import used_only
from conductance.derivation.rules import Rule
from conductance.derivation.threefry import triton_text
from conductance.kernels.source import Gradients, KernelStep, split
from conductance.neurons.base import INPUT

LONGEST_SEGMENT = {"float32": 8, "float64": 4}
"""Steps between two checkpoints of a small rule: a segment's states and tape fill about half of the registers."""
OPERATIONS = 60
"""Operations of an adjoint step up to which a segment is the longest. Larger rules get shorter segments, because
the time of Triton's compiler grows faster than the text: 8 steps of MTC's Heun rule took it a minute of one core."""
SIZES = '["steps", "count", "neurons", "seed"]'
MARK = "import triton\n"


def source(rule: Rule, dtype: str, gradients: Gradients | None) -> str:
    """The text of a module with `forward` and, where gradients are wanted, `backward`.

    Raises:
        PrintError: an expression of the rule has no form in Triton.
    """
    functions = (files("conductance.kernels.triton") / "functions.py").read_text("utf-8")
    _, mark, rest = functions.partition(MARK)
    size = segment_length(rule, dtype)
    drawn = [triton_text()] if rule.noise_symbols else []
    parts = [mark + rest, *drawn, _advance(rule), _forward(rule, size)]
    if gradients is not None:
        step = split(rule, gradients)
        parts += [_replay(rule, step), _reverse(rule, step), _backward(rule, step, gradients, size)]
    return "\n\n".join(parts)


def segment_length(rule: Rule, dtype: str) -> int:
    """Steps between two checkpoints of a rule in `dtype`: 8, 4 or 2."""
    operations = sum(sympy.count_ops(expression) for _, expression in rule.adjoint.assignments)
    shorter = 1 if operations <= OPERATIONS else 2 if operations <= 2 * OPERATIONS else 4
    return max(2, LONGEST_SEGMENT[dtype] // shorter)


def row(prefix: str, size: int) -> list[str]:
    """prefix_0, prefix_1, ..."""
    return [f"{prefix}_{index}" for index in range(size)]


def _states(rule: Rule, prefix: str = "state") -> list[str]:
    return row(prefix, len(rule.neuron.states))


def _constants(rule: Rule) -> list[str]:
    return row("constant", len(rule.constants))


def _noises(rule: Rule, k: int | str = "now") -> list[str]:
    """The draws of one step, of a segment's step `k`."""
    return row(f"noise_{k}", len(rule.noise_symbols))


def _draw(rule: Rule, t: str, k: int | str = "now") -> list[str]:
    """A line for each draw of step `t`."""
    return [
        f"{name} = draw(place, {t}, seed, {source}, BLOCK).to(table.dtype.element_ty)"
        for source, name in enumerate(_noises(rule, k))
    ]


def _inputs(rule: Rule) -> dict[sympy.Symbol, str]:
    known = dict(zip(rule.neuron.state_symbols, _states(rule), strict=True))
    known |= dict(zip(rule.noise_symbols, _noises(rule), strict=True))
    return {**known, **dict(zip(rule.constant_symbols, _constants(rule), strict=True)), INPUT: LIKE}


def _function(name: str, arguments: list[str], lines: list[str], results: list[str]) -> str:
    body = "".join(f"    {line}\n" for line in (*lines, f"return {', '.join(results)},"))
    return f"@triton.jit\ndef {name}({', '.join(arguments)}):\n{body}"


def _advance(rule: Rule) -> str:
    printer = TritonPrinter(_inputs(rule))
    lines = printer.assignments(rule.body.assignments)
    results = [printer.block(sympy.sympify(value)) for value in rule.body.outputs]
    return _function("advance", [*_states(rule), LIKE, *_constants(rule), *_noises(rule)], lines, results)


def _replay(rule: Rule, step: KernelStep) -> str:
    printer = TritonPrinter(_inputs(rule))
    following = rule.body.outputs[: len(rule.neuron.states)]
    lines = printer.assignments(used_only(rule.body.assignments, following))
    results = [printer.block(value) for value in following] + [printer.name(symbol) for symbol in step.kept]
    return _function("replay", [*_states(rule), LIKE, *_constants(rule), *_noises(rule)], lines, results)


def _reverse(rule: Rule, step: KernelStep) -> str:
    states = len(rule.neuron.states)
    seeds = rule.adjoint.inputs[len(rule.body.inputs) :]
    tape = row("tape", len(step.kept))
    known = _inputs(rule)
    known |= dict(zip(rule.body.outputs[:states], _states(rule, "next"), strict=True))
    known |= dict(zip(step.kept, tape, strict=True))
    known |= dict(zip(seeds, [*_states(rule, "bar"), "output_bar"], strict=True))
    printer = TritonPrinter(known)
    arguments = [
        *_states(rule), *_states(rule, "next"), LIKE, *tape, *_states(rule, "bar"), "output_bar", *_constants(rule),
        *_noises(rule),
    ]  # fmt: skip
    lines = printer.assignments(step.reverse)
    results = [
        printer.block(sympy.sympify(bar)) for bar in (*step.state_bars, step.input_bar, *step.constant_bars)
    ]
    return _function("reverse", arguments, lines, results)


def _loads(names: list[str], pointer: str, stride: str, first: str = "0") -> list[str]:
    return [
        f"{name} = tl.load({pointer} + ({first} + {index}) * {stride} + place)"
        for index, name in enumerate(names)
    ]


def _stores(names: list[str], pointer: str, first: str = "0") -> list[str]:
    return [
        f"tl.store({pointer} + ({first} + {index}) * wide + place, {name})"
        for index, name in enumerate(names)
    ]


def _setup(rule: Rule, segment: int) -> list[str]:
    return [
        "lane = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)",
        "place = tl.minimum(lane, count - 1)",
        "neuron = place % neurons",
        "wide = count.to(tl.int64)",  # time times count passes 2^31
        "last = steps - 1",
        f"segments = steps // {segment}",
        f"full = segments * {segment}",
        *(
            f"{name} = tl.load(table + {index} * neurons + neuron)"
            for index, name in enumerate(_constants(rule))
        ),
    ]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _kernel(name: str, arguments: list[str], lines: list[str]) -> str:
    sizes = ["steps", "count", "neurons", "seed"]
    header = f"def {name}({', '.join([*arguments, *sizes])}, BLOCK: tl.constexpr"
    header += ", KEEP: tl.constexpr):" if name == "forward" else "):"
    return "\n".join([f"@triton.jit(do_not_specialize={SIZES})", header, *_indented(lines)]) + "\n"


def _forward(rule: Rule, segment: int) -> str:
    states = _states(rule)
    arguments = [*states, "NOW", *_constants(rule), *_noises(rule)]
    step = f"{', '.join([*states, 'output'])} = advance({', '.join(arguments)})"
    ahead, now = row("ahead", segment), row("now", segment)
    keep = ["if KEEP:", *_indented(_stores(states, "checkpoints", f"segment * {len(states)}"))]
    loop = [*keep, f"begin = segment * {segment}", f"after = begin + {segment}"]
    loop += [f"{one} = {other}" for one, other in zip(now, ahead, strict=True)]
    loop += _ahead(ahead, "inputs", "after")
    for index, current in enumerate(now):
        loop += [
            *_draw(rule, f"(begin + {index})"),
            step.replace("NOW", current),
            f"tl.store(outputs + (begin + {index}) * wide + place, output)",
        ]
    rest = [
        "current = tl.load(inputs + t * wide + place)",
        *_draw(rule, "t"),
        step.replace("NOW", "current"),
        "tl.store(outputs + t * wide + place, output)",
    ]
    lines = [
        *_setup(rule, segment),
        *_loads(states, "start", "wide"),
        *_ahead(ahead, "inputs", "0"),
        "for segment in range(0, segments):",
        *_indented(loop),
        "if KEEP:",
        "    if full < steps:",
        *_indented(_indented(_stores(states, "checkpoints", f"segments * {len(states)}"))),
        "for t in range(full, steps):",
        *_indented(rest),
        *_stores(states, "final"),
    ]
    return _kernel(
        "forward", ["inputs", "start", "table", "outputs", "checkpoints", "final"], lines
    )  # fmt: skip


def _ahead(names: list[str], pointer: str, begin: str) -> list[str]:
    """Loads for a segment that may lie outside of time, where their values are not used."""
    return [
        f"{name} = tl.load({pointer} + tl.maximum(tl.minimum({begin} + {index}, last), 0) * wide + place)"
        for index, name in enumerate(names)
    ]


def _backward(rule: Rule, step: KernelStep, gradients: Gradients, segment: int) -> str:
    states, bars = _states(rule), _states(rule, "bar")
    sums, parts = row("sum", len(gradients.constants)), row("part", len(gradients.constants))
    ahead, seeds_ahead = row("ahead", segment), row("seed_ahead", segment)
    start_ahead = _states(rule, "start_ahead")
    fetch = [
        *_ahead(ahead, "inputs", "begin"),
        *_ahead(seeds_ahead, "output_bars", "begin"),
        *_loads(start_ahead, "checkpoints", "wide", f"tl.maximum(segment, 0) * {len(states)}"),
    ]
    loop = [
        *(f"now_{k} = ahead_{k}" for k in range(segment)),
        *(f"seed_{k} = seed_ahead_{k}" for k in range(segment)),
        *(f"{_at(0, i)} = {name}" for i, name in enumerate(start_ahead)),
        "at = begin",
        "segment = segment - 1",
        f"begin = begin - {segment}",
        *fetch,
    ]
    loop += [line for k in range(segment) for line in _replay_call(rule, step, k, f"(at + {k})")]
    for k in reversed(range(segment)):
        loop += _reverse_call(rule, step, gradients, k, f"(at + {k})", first=k == segment - 1)
    loop += [f"{total} += {part}" for total, part in zip(sums, parts, strict=True)]
    zero = "tl.full([BLOCK], 0.0, table.dtype.element_ty)"
    lines = [
        *_setup(rule, segment),
        *_loads(bars, "final_bars", "wide"),
        *(f"{name} = {zero}" for name in sums),
        "for index in range(0, steps - full):",
        *_indented(_incomplete(rule, step, gradients, sums, parts)),
        "segment = segments - 1",
        f"begin = segment * {segment}",
        *fetch,
        "for index in range(0, segments):",
        *_indented(loop),
        *(_stores(bars, "start_bars") if gradients.start else []),
        *_stores(sums, "lane_sums"),
    ]
    arguments = [
        "inputs", "table", "checkpoints", "output_bars", "final_bars", "input_bars", "start_bars", "lane_sums",
    ]  # fmt: skip
    return _kernel("backward", arguments, lines)


def _at(k: int, state: int) -> str:
    """The name of a state at the beginning of a segment's step `k`."""
    return f"at_{k}_{state}"


def _places(rule: Rule, k: int) -> list[str]:
    return [_at(k, index) for index in range(len(rule.neuron.states))]


def _replay_call(rule: Rule, step: KernelStep, k: int, t: str) -> list[str]:
    results = [*_places(rule, k + 1), *row(f"tape_{k}", len(step.kept))]
    arguments = [*_places(rule, k), f"now_{k}", *_constants(rule), *_noises(rule, k)]
    return [*_draw(rule, t, k), f"{', '.join(results)}, = replay({', '.join(arguments)})"]


def _reverse_call(
    rule: Rule, step: KernelStep, gradients: Gradients, k: int, t: str, *, first: bool
) -> list[str]:
    bars, size = _states(rule, "bar"), len(gradients.constants)
    arguments = [
        *_places(rule, k), *_places(rule, k + 1), f"now_{k}", *row(f"tape_{k}", len(step.kept)), *bars,
        f"seed_{k}", *_constants(rule), *_noises(rule, k),
    ]  # fmt: skip
    results = [*bars, "input_bar", *row("part" if first else "more", size)]
    lines = [f"{', '.join(results)} = reverse({', '.join(arguments)})"]
    if not first:
        # a segment is summed by itself before it joins the total: in float32 a long sum loses its small terms
        lines += [f"part_{index} += more_{index}" for index in range(size)]
    return [*lines, *([f"tl.store(input_bars + {t} * wide + place, input_bar)"] if gradients.input else [])]


def _incomplete(
    rule: Rule, step: KernelStep, gradients: Gradients, sums: list[str], parts: list[str]
) -> list[str]:
    """One step of the last segment, its states computed again from the checkpoint."""
    places = _places(rule, 0)
    arguments = [*places, "current", *_constants(rule), *_noises(rule)]
    advance = f"{', '.join(places)}, unused = advance({', '.join(arguments)})"
    return [
        "t = last - index",
        *_loads(places, "checkpoints", "wide", f"segments * {len(places)}"),
        "for u in range(full, t):",
        "    current = tl.load(inputs + u * wide + place)",
        *_indented(_draw(rule, "u")),
        f"    {advance}",
        "now_0 = tl.load(inputs + t * wide + place)",
        "seed_0 = tl.load(output_bars + t * wide + place)",
        *_replay_call(rule, step, 0, "t"),
        *_reverse_call(rule, step, gradients, 0, "t", first=True),
        *(f"{total} += {part}" for total, part in zip(sums, parts, strict=True)),
    ]
