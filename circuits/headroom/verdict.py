"""What operating points and phase margins say of a circuit: warnings that name device and cure, or an error."""

import math
from collections.abc import Callable, Iterator, Sequence

from circuits.calibration.working import NotWorking
from circuits.headroom.points import Point, on
from circuits.headroom.stability import Stability
from circuits.technologies import Technology

WEAK = 1.0
"""Largest inversion coefficient of a law in U_T: beyond, a pair's tanh is wider and a mirror's headroom grows."""
LOST = 2.0
"""Thermal voltages of drain voltage that a transistor at rest needs: below, it lacks 1/e^2 of its current and more,
what `circuits.calibration.working` refuses of the whole."""
HALF = math.log(2.0)
"""Thermal voltages below which a transistor carries less than half of its current: nowhere in the swing may it."""
SETTLES, RINGS = 60.0, 30.0
"""Degrees of phase margin: below the first a step overshoots by more than 9 %, below the second by more than 37 %."""
NAMED = 3
"""Devices that one sentence names."""
ROOM = (
    "choose a larger supply, wider transistors or smaller bias currents, whose gate voltages are smaller, or "
    "references nearer to midway"
)
CURES = {
    "saturation": ROOM,
    "inversion": "choose a smaller bias current, or [sizing] inversion smaller, which draws it wider",
    "gate": "draw it wider or shorter, choose a smaller bias current, or a larger supply",
}


def judged(
    found: Sequence[Point], margins: Sequence[Stability], technology: Technology, *, voltage_unit: float
) -> tuple[str, ...]:
    """What to warn of, the worst devices of each kind named.

    Raises:
        NotWorking: a transistor that is no current source at rest, or an amplifier that oscillates.
    """
    where = (
        f"{technology.name} at corner {technology.corner}, {technology.temperature:g} degrees and "
        f"{technology.supply:g} V"
    )
    broken = list(_broken(found, margins, technology))
    if broken:
        raise NotWorking(f"{where}: the circuit does not work there. " + "; ".join(broken))
    said = (*_transistors(found, technology, voltage_unit), *_amplifiers(margins))
    return tuple(f"{where}: {each}" for each in said)


def _broken(found: Sequence[Point], margins: Sequence[Stability], technology: Technology) -> Iterator[str]:
    dead = [
        point for point in on(found)
        if point.of.source and point.resting is not None and point.resting < LOST - 4
    ]  # fmt: skip
    if dead:
        words = _worst(
            dead, lambda point: point.resting or 0.0, lambda point: f", {(point.resting or 0.0) + 4:.1f} U_T"
        )
        yield (
            f"{len(dead)} transistors have less than {LOST:g} U_T of {1e3 * technology.thermal_voltage:.0f} mV from "
            f"drain to source at rest, among them {words}; {ROOM}"
        )
    halved = [
        point for point in on(found) if point.of.source and point.drain < HALF * technology.thermal_voltage
    ]
    if halved and not dead:
        words = _worst(halved, lambda point: point.drain, lambda point: f", {1e3 * point.drain:.0f} mV")
        yield (
            f"{len(halved)} transistors carry less than half of their current within the swing, among them {words}; "
            f"{ROOM}"
        )
    for one in margins:
        if one.margin < RINGS:
            yield f"{_named(one)}, and {RINGS:g} are needed; {one.cure}"


def _transistors(found: Sequence[Point], technology: Technology, voltage_unit: float) -> Iterator[str]:
    thermal, half = technology.thermal_voltage, technology.supply / 2
    tight = [point for point in on(found) if point.of.source and point.margin < 0]
    if tight:
        words = _worst(
            tight,
            lambda point: point.margin,
            lambda point: (
                f" with {1e3 * point.drain:.0f} mV, {-point.margin:.1f} U_T too few, at U_m = "
                f"{point.where / voltage_unit:.1f} V0"
            ),
        )
        yield f"{len(tight)} transistors leave saturation within the swing: {words}; {CURES['saturation']}"
    strong = [point for point in on(found) if point.of.saturates and point.inversion > WEAK]
    if strong:
        words = _worst(strong, lambda point: -point.inversion, lambda point: f" at {point.inversion:.2g}")
        yield (
            f"{len(strong)} transistors leave weak inversion, their inversion coefficient is above {WEAK:g}: {words}; "
            f"{CURES['inversion']}"
        )
    high = [point for point in on(found) if point.of.saturates and half - point.gate < 4 * thermal]
    if high:
        words = _worst(high, lambda point: -point.gate, lambda point: f" with {point.gate:.3f} V")
        yield (
            f"{len(high)} transistors have a gate voltage that leaves less than 4 U_T of the {half:g} V from a rail to "
            f"midway: {words}; {CURES['gate']}"
        )


def _worst(found: Sequence[Point], order: Callable[[Point], float], words: Callable[[Point], str]) -> str:
    """The first few devices of an order, each with its role and what is said of it."""
    chosen = sorted(found, key=order)[:NAMED]
    return "; ".join(f"{point.of.path} ({point.of.role}){words(point)}" for point in chosen)


def _amplifiers(margins: Sequence[Stability]) -> Iterator[str]:
    for one in margins:
        if RINGS <= one.margin < SETTLES:
            yield f"{_named(one)}, below {SETTLES:g}; {one.cure}"


def _named(one: Stability) -> str:
    load = f"{1e15 * one.load:.3g} fF"
    margin = "no" if math.isinf(one.margin) else f"{one.margin:.0f} degrees of"
    return f"{one.part}: {one.cell} at {one.bias:.3g} A has {margin} phase margin at its load of {load}"
