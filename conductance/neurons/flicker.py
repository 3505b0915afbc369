"""Flicker noise of a neuron's currents: a sum of Ornstein-Uhlenbeck processes, each a state of the declaration.

A process of time constant tau and variance v has the one-sided density 4 v tau/(1 + (w tau)^2). Processes whose corner
frequencies stand in a geometric row with the ratio r, each of variance ln(r), add up to 1/f between the ends of the
row: the sum over them is an integral over ln(tau), and that of the density is ln(r)/f.
M. S. Keshner, 1/f noise, Proceedings of the IEEE 70(3), 1982.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from numbers import Real

import sympy

from conductance.elements.base import DeclarationError
from conductance.errors import nearest
from conductance.neurons.base import Constraint, Neuron, State
from conductance.parameter import Parameter

LOW, HIGH = "flicker_low", "flicker_high"
"""Names of the parameters that hold the ends of the band."""
MOST_DECADES = 20
"""Of a band."""
CURRENT = "flicker"
"""Name of the current of flicker noise."""


def flickering(
    neuron: Neuron, amplitudes: Mapping[str, float | sympy.Expr], *, band: tuple[float, float]
) -> Neuron:
    """The same neuron with flicker noise flowing into some of its states.

    The current's one-sided power density is a^2/f within the band, with f in 1/tau_m: one process at each end and at
    least one per decade between, within 12 % at the ends and 6 % a decade inside. Below the band the density stays
    what it is at its lower end, above it falls as 1/f^2. Each state has a noise of its own. Processes start in their
    stationary law: one that is slower than a run is an offset in it, another for each neuron and seed.

    Args:
        neuron: the declaration; a map has no noise.
        amplitudes: a by the name of a state, in the unit of its currents: a number, which becomes the parameter
            `flicker_` + the state's name, or an expression in states and parameters.
        band: lowest and highest frequency, in 1/tau_m.

    Raises:
        DeclarationError: an unknown state, a map, or a band whose ends are not positive and in order.
        ParameterError: a negative amplitude, or one that is not finite.

    >>> from conductance.neurons import lif
    >>> [state.name for state in flickering(lif(), {"um": 0.01}, band=(1e-4, 1e-1)).states]
    ['um', 'flicker_um_0', 'flicker_um_1', 'flicker_um_2', 'flicker_um_3']
    """
    _check_types(neuron, amplitudes)
    if neuron.is_map:
        raise DeclarationError(
            f"neuron {neuron.name}: it is declared in discrete time, where flicker noise has no meaning; add noise to "
            f"its input"
        )
    low, high = checked_band(band, f"neuron {neuron.name}", "1/tau_m")
    names = [state.name for state in neuron.states]
    for name in amplitudes:
        if name not in names:
            raise DeclarationError(
                f"neuron {neuron.name}: flicker noise into {name!r}; {nearest(name, names)}its states are "
                f"{', '.join(names)}"
            )
    ends = (_end(LOW, low, "lowest"), _end(HIGH, high, "highest"))
    sizes = {
        name: Parameter(
            name=f"flicker_{name}", default=float(value), lower=0.0, unit="I0", transform="softplus",
            meaning=f"flicker noise into {name}: the density times the frequency is its square",
        )
        for name, value in amplitudes.items()
        if not isinstance(value, sympy.Expr)
    }  # fmt: skip
    states, processes = [], []
    for state in neuron.states:
        if state.name in amplitudes:
            own = list(_processes(state.name, ends, 1 + math.ceil(math.log10(high / low) - 1e-9)))
            amplitude = sizes[state.name].symbol if state.name in sizes else amplitudes[state.name]
            current = amplitude * sympy.Add(*(process.symbol for process in own))
            state = replace(state, currents={**state.currents, CURRENT: current})
            processes += own
        states.append(state)
    relation = Constraint(
        relation=ends[0].symbol < ends[1].symbol,
        meaning=f"the band of flicker noise goes from {LOW} up to {HIGH}: exchange them",
    )
    return replace(
        neuron,
        parameters=(*neuron.parameters, *sizes.values(), *ends),
        states=(*states, *processes),
        constraints=(*neuron.constraints, relation),
    )


def _check_types(neuron: object, amplitudes: object) -> None:
    if not isinstance(neuron, Neuron):
        raise DeclarationError(f"flicker noise: the neuron is {neuron!r}; give a declared neuron, as mtc()")
    if not isinstance(amplitudes, Mapping):
        raise DeclarationError(
            f"neuron {neuron.name}: amplitudes of flicker noise are {amplitudes!r}; give them by the name of a state, "
            f"as {{{neuron.states[0].name!r}: 0.01}}"
        )
    for name, value in amplitudes.items():
        if isinstance(value, bool) or not isinstance(value, Real | sympy.Expr):
            raise DeclarationError(
                f"neuron {neuron.name}: flicker noise into {name} is {value!r}; give a number or an expression"
            )


def checked_band(band: tuple[float, float], owner: str, unit: str) -> tuple[float, float]:
    """The ends of a band, which are positive and in order; `DeclarationError` else."""
    try:
        low, high = band
        if any(isinstance(end, bool | str) for end in (low, high)):
            raise TypeError
        low, high = float(low), float(high)
    except (TypeError, ValueError):
        raise DeclarationError(
            f"{owner}: band = {band!r}; give two numbers, the lowest and the highest frequency in {unit}"
        ) from None
    if not (0 < low < high < math.inf):
        raise DeclarationError(
            f"{owner}: band = ({low:g}, {high:g}) {unit}; both ends must be positive, the lower one first"
        )
    if math.log10(high) - math.log10(low) > MOST_DECADES:
        raise DeclarationError(
            f"{owner}: band = ({low:g}, {high:g}) {unit} is longer than {MOST_DECADES} decades, each of which is a "
            f"state of the neuron; give one that the run sees"
        )
    return low, high


def _end(name: str, value: float, which: str) -> Parameter:
    return Parameter(
        name=name, default=value, lower=0.0, lower_open=True, unit="1/tau_m", transform="log",
        meaning=f"{which} frequency of the flicker noise",
    )  # fmt: skip


def _processes(name: str, ends: tuple[Parameter, Parameter], count: int) -> Iterator[State]:
    """Processes of the sum 1/f, the slowest first."""
    low, high = (end.symbol for end in ends)
    width = sympy.log(high / low) / (count - 1)
    for place in range(count):
        symbol = sympy.Symbol(f"flicker_{name}_{place}", real=True)
        tau = 1 / (2 * sympy.pi * low * (high / low) ** sympy.Rational(place, count - 1))
        yield State(
            name=symbol.name,
            symbol=symbol,
            meaning=f"process {place + 1} of {count} of the flicker noise into {name}",
            capacity=tau,
            currents={"leak": -symbol},
            noise={"leak": sympy.sqrt(2 * tau * width)},
            spread=sympy.sqrt(width),
            timescale="ultraslow",
        )
