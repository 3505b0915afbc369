"""From the transistors of a neuron's parts to the noise of its declaration."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import sympy

from circuits.data.scaling import Scaling
from circuits.data.values import CircuitError
from circuits.noise.sampling import sampling_noise
from circuits.realisations import recognised
from circuits.realisations.cells import noise as cells
from circuits.realisations.cells.noise import Generator
from circuits.realisations.parts.base import Part
from circuits.technologies import Technology, chosen_technology
from conductance.neurons.base import Neuron
from conductance.neurons.flicker import checked_band, flickering
from conductance.neurons.noisy import silent
from conductance.parameter import Parameter

POWER = "noise_power"
"""Name of the parameter that all white noise of a neuron grows with, q/(C V0) of its circuit."""
FLICKER_POWER = "flicker_power"
"""Name of the parameter that all flicker noise of a neuron grows with; 1 is that of its transistors."""


@dataclass(frozen=True, kw_only=True)
class PartNoise:
    """Noise of one current of a neuron, as expressions of its parameters and states.

    Attributes:
        state: name of the state that the current flows into.
        current: its name.
        shot: one-sided density of its white noise over 2 q I0.
        flicker: that of its flicker noise at 1 Hz over I0^2, in 1/Hz; it falls as 1/f. None where it was not asked for.
    """

    state: str
    current: str
    shot: sympy.Expr
    flicker: sympy.Expr | None = None


def part_noises(
    neuron: Neuron,
    technology: Technology | None = None,
    *,
    scaling: Scaling | None = None,
    with_flicker: bool = True,
    largest: float | None = None,
    biases: bool = False,
) -> tuple[PartNoise, ...]:
    """The noise of every part that has amplifiers: elements, leak, followers. Ideal sources and resistors have none.

    Args:
        neuron: the declaration; its own noise plays no role.
        technology: of the transistors; the default of the transistor level where none is given.
        scaling: the SI units; the technology's own where none is given.
        with_flicker: whether flicker noise is wanted, too.
        largest: bias current in A for which transistors are drawn; that of the neuron where none is given.
        biases: whether each bias current comes from a transistor that copies a reference, with its noise; else biases
            are ideal, as in netlists.

    Raises:
        TechnologyError: a technology without transistors, or without flicker data where that is wanted.
        CircuitError: a current that has no circuit.
    """
    _check_neuron(neuron)
    made_of = chosen_technology(technology, "transistor")
    units = _units(made_of, scaling)
    wanted: object = largest
    if wanted is not None and (
        isinstance(wanted, bool) or not isinstance(wanted, Real) or not 0 < float(wanted) <= 1
    ):
        raise CircuitError(
            f"noise: largest = {largest!r} A; give a bias current above 0 and up to 1 A, as 3e-9"
        )
    made_of.transistor("nmos")
    more = cells.BIAS_COPY if biases else {}
    known = recognised(silent(neuron))
    bias = float(known.bias_currents(units)[-1]) if largest is None else largest
    return tuple(
        PartNoise(
            state=part.current.state.name,
            current=part.current.name,
            shot=_summed(part, lambda generators, t, share: share * cells.shot(generators, made_of, t), more),
            flicker=_summed(
                part,
                lambda generators, t, share: share**2 * cells.flicker(generators, made_of, t, bias),
                more,
            )
            if with_flicker
            else None,
        )
        for part in known.parts
        if part.generators
    )


def _check_neuron(neuron: object) -> None:
    if not isinstance(neuron, Neuron):
        shown = repr(neuron) if isinstance(neuron, str) else f"a {type(neuron).__name__}"
        raise CircuitError(f"noise: the neuron is {shown}; give a declared neuron, as mtc()")


def _units(made_of: Technology, scaling: object) -> Scaling:
    if scaling is not None and not isinstance(scaling, Scaling):
        raise CircuitError(
            f"noise: scaling is a {type(scaling).__name__}; give a Scaling, as technology.scaling()"
        )
    return made_of.scaling() if scaling is None else scaling


def _held(at: Mapping[str, float], neuron: Neuron) -> dict[sympy.Symbol, float]:
    """The states at which amplitudes stay, by symbol."""
    _check_states(at, neuron)
    if set(at) ^ {state.name for state in neuron.states}:
        raise CircuitError(
            f"neuron {neuron.name}: amplitudes are asked for at {', '.join(sorted(at)) or 'no state'}; give each "
            f"of its states, {', '.join(state.name for state in neuron.states)}"
        )
    return {state.symbol: float(at[state.name]) for state in neuron.states}


def _check_states(at: object, neuron: Neuron) -> None:
    if not isinstance(at, Mapping):
        raise CircuitError(
            f"neuron {neuron.name}: at is a {type(at).__name__}; give its states in V0 by name, as "
            f"{{{neuron.states[0].name!r}: -1.0}}"
        )
    for name, value in at.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise CircuitError(
                f"neuron {neuron.name}: at has {name} = {value!r}; give a finite number, in V0"
            )


Density = Callable[[Mapping[str, Generator], sympy.Expr, sympy.Expr], sympy.Expr]
"""Of an amplifier: its generators, t = tanh of its input, its bias over I0."""


def _summed(part: Part, density: Density, more: Mapping[str, Generator]) -> sympy.Expr:
    """A density over all pairs of a part, each at its own input and bias."""
    form = part.current.transfer
    if form is None:
        raise CircuitError(f"current {part.current.name}: it has amplifiers, but no law of theirs")
    generators = {**part.generators, **more}
    return sympy.Add(
        *(
            density(generators, sympy.tanh(form.plus - form.minus - pair.reference), part.slope * pair.weight)
            for pair in part.pairs()
        )
    )


def circuit_noise(
    neuron: Neuron,
    technology: Technology | None = None,
    *,
    scaling: Scaling | None = None,
    at: Mapping[str, float] | None = None,
    flicker: tuple[float, float] | None = None,
    biases: bool = False,
) -> Neuron:
    """The same neuron with the noise of its circuit: white, each current's by its own law, and flicker noise.

    The amplitude of a current follows the states, as its transistors' currents do. The parameter `noise_power` scales
    all white noise; its default is q/(C V0) of the scaling. References are ideal, and so are bias currents, as in
    netlists; with `biases` each comes from a transistor that copies a reference.

    With `flicker`, a band in Hz, every state that transistors drive gets flicker noise in it, too, of the summed power
    of its parts and with one process per decade for all of them together (`conductance.neurons.flicker`): a sum of
    independent sources has that power at every state that is held, but here they move as one when the state changes.
    The parameter `flicker_power` scales it; it grows with one over the gates' areas, and 1 is the technology's.

    A neuron of discrete time is a sampled circuit, whose switches leave kT/C on their capacitors in every step
    (`circuits.noise.sampling`): its noise is that of `sampling`, and grows with the parameter `sampling_power`.

    With `at`, states in V0 by name, amplitudes stay what they are there: a kernel then steps several times faster, and
    the power of an element is right within a factor of 0.6 to 1.5, a leak's within 2.

    Raises:
        TechnologyError, CircuitError: as `part_noises`; CircuitError also where no part has amplifiers, and for flicker
            noise of a sampled circuit, whose buffers are ideal.
        DeclarationError: a band whose ends are not positive and in order.
    """
    _check_neuron(neuron)
    made_of = chosen_technology(technology, "transistor")
    units = _units(made_of, scaling)
    band = None if flicker is None else checked_band(flicker, f"flicker noise of neuron {neuron.name}", "Hz")
    held = {} if at is None else _held(at, neuron)
    if neuron.is_map:
        if band is not None:
            raise CircuitError(
                f"neuron {neuron.name}: its circuit is sampled, with ideal buffers, so that it has no flicker noise; "
                f"leave flicker out"
            )
        return sampling_noise(neuron, made_of, units, held)
    found = part_noises(neuron, made_of, scaling=units, with_flicker=band is not None, biases=biases)
    if not found:
        raise CircuitError(
            f"neuron {neuron.name}: none of its currents is made of amplifiers, so its circuit has no noise"
        )
    quiet = silent(neuron)
    power = Parameter(
        name=POWER, default=units.shot_power, lower=0.0, unit="1", transform="softplus",
        meaning="q/(C V0), what all white noise of the circuit grows with",
    )  # fmt: skip
    amplitudes: dict[str, dict[str, sympy.Expr]] = {}
    for one in found:
        amplitudes.setdefault(one.state, {})[one.current] = sympy.sqrt(power.symbol) * sympy.sqrt(
            one.shot.subs(held)
        )
    states = tuple(replace(state, noise=amplitudes.get(state.name, {})) for state in quiet.states)
    white = replace(quiet, parameters=(*quiet.parameters, power), states=states)
    return (
        white if band is None else _with_flicker(white, found, held, [units.time_unit * end for end in band])
    )


def _with_flicker(
    white: Neuron, found: Sequence[PartNoise], held: Mapping[sympy.Symbol, float], band: Sequence[float]
) -> Neuron:
    """The neuron with the flicker noise of its parts, summed into each state, in a band in 1/tau_m."""
    power = Parameter(
        name=FLICKER_POWER, default=1.0, lower=0.0, unit="1", transform="softplus",
        meaning="flicker noise over that of the technology's transistors",
    )  # fmt: skip
    sums: dict[str, sympy.Expr] = {}
    for one in found:
        sums[one.state] = sums.get(one.state, sympy.S.Zero) + one.flicker
    amplitudes = {
        state: sympy.sqrt(power.symbol) * sympy.sqrt(total.subs(held)) for state, total in sums.items()
    }
    known = replace(white, parameters=(*white.parameters, power))
    return flickering(known, amplitudes, band=(band[0], band[1]))
