"""Which transistor of an amplifier makes how much of its noise.

A transistor below threshold has the shot noise of its current, of the one-sided density 2 q I, and flicker noise whose
density relative to I^2 falls as 1/f. Both are currents from drain to source. What of such a current comes out of the
amplifier follows from how the pair divides it: with the tail held, what one side gains the other loses, and what the
tail gains is divided as its current is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy

from circuits.data.models import Polarity
from circuits.technologies.base import Technology, TechnologyError
from circuits.technologies.sizing import role_of

Share = Callable[[sympy.Expr], sympy.Expr]
"""Of the bias current or of a noise, as a function of t = tanh of the input in V0."""


@dataclass(frozen=True, kw_only=True)
class Generator:
    """A transistor as a source of noise: its current over the bias, and what its noise makes of the output current."""

    polarity: Polarity
    current: Share
    transfer: Share


def _plus(t: sympy.Expr) -> sympy.Expr:
    return (1 + t) / 2


def _minus(t: sympy.Expr) -> sympy.Expr:
    return (1 - t) / 2


def _whole(_: sympy.Expr) -> sympy.Expr:
    return sympy.S.One


_PAIR = {
    "m_bias": Generator(polarity="nmos", current=_whole, transfer=lambda t: t),
    "m_tail": Generator(polarity="nmos", current=_whole, transfer=lambda t: t),
    "m_plus": Generator(polarity="nmos", current=_plus, transfer=lambda t: 1 - t),
    "m_minus": Generator(polarity="nmos", current=_minus, transfer=lambda t: 1 + t),
}


def _mirror(polarity: Polarity, current: Share, *names: str) -> dict[str, Generator]:
    return {name: Generator(polarity=polarity, current=current, transfer=_whole) for name in names}


FIVE_TRANSISTORS: Mapping[str, Generator] = {**_PAIR, **_mirror("pmos", _plus, "m_left", "m_out")}
"""Together 2 q I_b (2 + t + t^2) where all have the shot noise of their currents."""
TEN_TRANSISTORS: Mapping[str, Generator] = {
    **_PAIR,
    **_mirror("pmos", _plus, "m_left", "m_source"),
    **_mirror("pmos", _minus, "m_right", "m_fold"),
    **_mirror("nmos", _minus, "m_diode", "m_sink"),
}
"""Together 2 q I_b (4 - t + t^2)."""


BIAS_COPY: Mapping[str, Generator] = {
    "m_copy": Generator(polarity="pmos", current=_whole, transfer=lambda t: t)
}
"""The transistor that copies a reference into the bias current of an amplifier: its noise is divided as the bias is."""
OUTPUT_MIRRORS: Mapping[str, Generator] = _mirror("nmos", _whole, "m_line", "m_take")
"""Of the output stage below its limit, relative to the current that they pass."""
LIMITER: Mapping[str, Generator] = _mirror("pmos", _whole, "m_limit", "m_allow")
"""Of the output stage at its limit, relative to I0; the current beyond it passes two more p-channel mirrors."""


def shot(generators: Mapping[str, Generator], technology: Technology, t: sympy.Expr) -> sympy.Expr:
    """The one-sided density of an amplifier's white output noise, over 2 q I_b."""
    kinds = {polarity: technology.transistor(polarity).shot_factor for polarity in _polarities(generators)}
    return sympy.Add(
        *(kinds[one.polarity] * one.current(t) * one.transfer(t) ** 2 for one in generators.values())
    )


def flicker(
    generators: Mapping[str, Generator], technology: Technology, t: sympy.Expr, bias: float
) -> sympy.Expr:
    """The one-sided density at 1 Hz of an amplifier's flicker noise, over I_b^2, in 1/Hz; it falls as 1/f.

    Args:
        generators: of the amplifier.
        technology: of its transistors.
        t: tanh of its input in V0.
        bias: largest bias current in A, for which its transistors are drawn.

    Raises:
        TechnologyError: a transistor without flicker data.
    """

    def relative(name: str, polarity: Polarity) -> float:
        size = technology.size(polarity, bias, role_of(polarity, name))
        return relative_flicker(technology, polarity) / (size.width * size.length)

    return sympy.Add(
        *(
            relative(name, one.polarity) * (one.current(t) * one.transfer(t)) ** 2
            for name, one in generators.items()
        )
    )


def relative_flicker(technology: Technology, polarity: Polarity) -> float:
    """A transistor's S_I f W L/I^2 in m^2, or `TechnologyError` where the technology does not say."""
    found = technology.transistor(polarity).flicker
    if found is None:
        raise TechnologyError(
            f"technology {technology.name}: its {polarity} has no flicker noise; set `flicker` in its table "
            f"(`excitable characterise` measures it from the card), or ask for white noise only"
        )
    return found


def _polarities(generators: Mapping[str, Generator]) -> set[Polarity]:
    return {one.polarity for one in generators.values()}
