"""What the studio offers: every declared neuron, every parameter set of known behaviour, and the user's own neurons.

Neurons of one structure (the same states, currents and parameter names) share one printed model and differ by values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from conductance.derivation.rules import EXACT, methods_of
from conductance.errors import ExcitableError
from conductance.neurons.base import Neuron
from conductance.neurons.declared import declared_neurons
from conductance.neurons.presets import PRESETS

STEPS = 10_000
"""Steps of a trace at its usual length."""
FLOW_STEP = 0.2
"""Time step of neurons without an event, in units of the shortest time constant: the paper's, with Heun's method."""
MAP_STEPS = 200
PERIODS = 40.0
"""Usual length of a trace of a neuron with an event, in its shortest time constants."""


class CatalogueError(ExcitableError):
    """The studio cannot show a neuron."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A neuron at parameter values and an input, as the studio opens it.

    Attributes:
        name: what it is called.
        neuron: the declaration with its parameter values.
        current: input held at the end, in current units.
        start: states at the beginning; the declared ones where empty.
        shape: the stimulus: constant, step (from `before` at `onset`) or pulse (`amplitude` for `duration`).
        duration: of the trace, in tau_m, or in steps for a map.
    """

    name: str
    neuron: Neuron = field(repr=False)
    current: float
    duration: float
    start: tuple[float, ...] = ()
    shape: str = "constant"
    before: float = 0.0
    onset: float = 0.0
    amplitude: float = 0.0
    width: float = 0.0


DRIVES: Mapping[str, float] = {"lif": 1.5, "adlif": 1.5, "qif": 1.0, "dqif": 0.9, "dlif": 0.4, "mtc": -1.0}
"""Inputs at which the declared neurons do something; 1 for any other."""


def method_of(neuron: Neuron) -> str:
    """The update rule of the studio: exact where one is known, else of order 2, or event by event."""
    if neuron.is_map:
        return "map"
    if neuron.arrivals:
        return EXACT if EXACT in methods_of(neuron) else "exponential_euler"
    return "heun" if neuron.event is None else "symplectic_euler"


def constants_of(neuron: Neuron) -> tuple[float, ...]:
    """The neuron's time constants in tau_m, the shortest first; 1 where it declares none."""
    found = sorted(parameter.default for parameter in neuron.parameters if parameter.unit == "tau_m")
    return tuple(found) or (1.0,)


def usual(neuron: Neuron) -> tuple[float, float]:
    """(time step, duration) of a trace in tau_m; steps for a map."""
    if neuron.is_map:
        return 1.0, float(MAP_STEPS)
    constants = constants_of(neuron)
    if neuron.event is None:
        step = FLOW_STEP * constants[0]
        return step, STEPS * step
    duration = max(PERIODS * constants[0], 5 * constants[-1])
    return duration / STEPS, duration


def declared() -> tuple[Neuron, ...]:
    """Every neuron of the package, the one that can be shaped first."""
    return tuple(
        sorted(
            declared_neurons(),
            key=lambda neuron: (not neuron.elements or neuron.event is not None, neuron.event is None),
        )
    )


def signature(neuron: Neuron) -> tuple:
    """What two neurons share that one printed model serves."""
    states = tuple(
        (str(s.symbol), str(s.capacity), str(s.following), str(dict(s.currents))) for s in neuron.states
    )
    event = "" if neuron.event is None else f"{neuron.event.margin} {dict(neuron.event.reset)}"
    return (tuple(parameter.name for parameter in neuron.parameters), states, event, str(neuron.output))


@cache
def examples() -> tuple[Example, ...]:
    """All presets, then every declared neuron at its defaults."""
    found = []
    for preset in PRESETS.values():
        shape, before, onset, amplitude, width = "constant", 0.0, 0.0, 0.0, 0.0
        held = preset.stimulus
        if preset.before is not None:
            shape, before, onset = "step", preset.before, preset.onset
        elif len(held.times) > 1:
            shape, onset, width = "pulse", held.times[1], held.times[2] - held.times[1]
            amplitude = held.values[1] - held.values[0]
        duration = min(preset.stop, usual(preset.neuron)[1] * 6)
        found.append(
            Example(
                name=preset.name, neuron=preset.neuron, current=preset.current, start=preset.start, shape=shape,
                before=before, onset=onset, amplitude=amplitude, width=width, duration=duration,
            )
        )  # fmt: skip
    return (*found, *(of_neuron(neuron) for neuron in declared()))


def of_neuron(neuron: Neuron) -> Example:
    """A neuron at its own values, its membrane displaced: on an unstable equilibrium it would stay."""
    first, *others = neuron.initial_state()
    return Example(
        name=neuron.name,
        neuron=neuron,
        current=DRIVES.get(neuron.name, 1.0),
        duration=usual(neuron)[1],
        start=(first if neuron.event is not None else first - 0.1, *others),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Catalogue:
    """What one studio offers; `models` are the different structures by their key, `keys` that of each example."""

    examples: tuple[Example, ...]
    models: Mapping[str, Neuron]
    keys: tuple[str, ...]

    def neuron(self, key: str) -> Neuron:
        """The model of that key.

        Raises:
            CatalogueError: there is none.
        """
        if key not in self.models:
            raise CatalogueError(f"neuron {key!r} is unknown here; allowed are {', '.join(self.models)}")
        return self.models[key]


def catalogue(own: Iterable[Neuron] = ()) -> Catalogue:
    """The studio's catalogue, the user's own neurons first."""
    mine = tuple(own)
    return _offering(mine) if mine else _standard()


@cache
def _standard() -> Catalogue:
    return _offering(())


def _offering(mine: tuple[Neuron, ...]) -> Catalogue:
    shown = (*(of_neuron(neuron) for neuron in mine), *examples())
    by_signature: dict[tuple, str] = {}
    models: dict[str, Neuron] = {}
    # a declared neuron names its structure before the presets that share it do
    for neuron in (*mine, *declared(), *(example.neuron for example in shown)):
        marks = signature(neuron)
        if marks not in by_signature:
            key = neuron.name
            while key in models:
                key += "_2"
            by_signature[marks], models[key] = key, neuron
    keys = tuple(by_signature[signature(example.neuron)] for example in shown)
    return Catalogue(examples=shown, models=models, keys=keys)
