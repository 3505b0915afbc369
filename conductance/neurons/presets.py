"""Parameter sets whose behaviour is known: docs/models.md, section 1, as data.

A preset says how its regime is asked for (`current`, `before`, `pulse`, `start`) and which run its known answers come
from (`stimulus` to `stop`). `answers` reads the same quantities from any form of the neuron: the package's
integrator, an update rule, a netlist. All quantities are dimensionless; spikes are upward crossings of 0 V0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from conductance.elements import tanh
from conductance.frozen import Catalogue, FrozenMapping
from conductance.neurons.base import Neuron
from conductance.neurons.mtc import mtc
from conductance.stimulus import Pulse, Stimulus

Trust = Literal["published", "derived"]
Answer = float | tuple[float, ...]

SPIKE_LEVEL = 0.0
"""The voltage whose upward crossing is a spike in the known answers, in V0."""
GAP_RATIO = 2.0
"""An interval this much longer than the shortest one parts two bursts."""
PAPER = "Fulleda-Garcia et al., arXiv 2605.11835; Ribar & Sepulchre, IEEE TCAS-I 66(8), 2019"
OURS = "derived in docs/models.md, section 1, with scipy at rtol 1e-9"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A neuron at an input, the regime it is in, and numbers that every form of it must give.

    Attributes:
        name: what it is called.
        neuron: the declaration with its parameter values.
        regime: the expected name, see `conductance.shaping.regimes.Regime`.
        current: held current, in current units.
        before: the current from which the input steps to `current`, where the regime is asked by a step.
        pulse: added to `current`, where the regime is asked by a pulse.
        start: states at the beginning, membrane first, in V0.
        stimulus: the input of the run that the known answers come from.
        stop: end of that run, in tau_m.
        onset: instant from which spikes and latencies count, in tau_m.
        until: instant up to which they count.
        known: quantity to number; the names are those of `QUANTITIES`.
        trust: `published` by the authors, or `derived` by us and checked numerically.
        source: where the parameter set comes from; the numbers are derived.
    """

    name: str
    neuron: Neuron = field(repr=False)
    regime: str
    current: float
    start: tuple[float, ...]
    stimulus: Stimulus
    stop: float
    known: Mapping[str, Answer]
    before: float | None = None
    pulse: Pulse | None = None
    onset: float = 0.0
    until: float = field(default=float("inf"))
    trust: Trust = "published"
    source: str = PAPER

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", FrozenMapping(self.known))


def answers(
    preset: Preset, crossings: Sequence[float] | np.ndarray, lowest: float, highest: float
) -> dict[str, Answer]:
    """The preset's quantities as a simulation gives them, under the names of `preset.known`.

    Args:
        preset: the parameter set.
        crossings: upward crossings of `SPIKE_LEVEL` by the membrane in the whole run, in tau_m.
        lowest: of the membrane from `preset.onset` on, in V0.
        highest: the same.
    """
    times = np.asarray(crossings, float)
    times = times[(times >= preset.onset) & (times < preset.until)] - preset.onset
    bounds = {"lowest": lowest, "highest": highest}
    return {name: bounds[name] if name in bounds else QUANTITIES[name](times) for name in preset.known}


def _bursts(times: np.ndarray) -> list[np.ndarray]:
    """Spike times by burst; the last, which may be cut off, left out."""
    intervals = np.diff(times)
    if not intervals.size:
        return []
    return np.split(times, np.flatnonzero(intervals > GAP_RATIO * intervals.min()) + 1)[:-1]


def _last_burst(times: np.ndarray) -> np.ndarray:
    found = _bursts(times)
    return found[-1] if found else np.array([])


def _ahead(times: np.ndarray, place: int) -> float:
    """Start of the burst at that place."""
    found = _bursts(times)
    return float(found[place][0]) if len(found) > place else float("nan")


def _gap(times: np.ndarray) -> float:
    found = _bursts(times)
    return float(found[-1][0] - found[-2][-1]) if len(found) > 1 else float("nan")


def _period(times: np.ndarray) -> float:
    found = _bursts(times)
    return float(found[-1][0] - found[-2][0]) if len(found) > 1 else float("nan")


QUANTITIES: Mapping[str, Callable[[np.ndarray], Answer]] = {
    "spikes": lambda times: float(times.size),
    "latencies": lambda times: tuple(times.tolist()),
    "interval": lambda times: float(np.median(np.diff(times)[-5:])) if times.size > 1 else float("nan"),
    "burst_size": lambda times: float(_last_burst(times).size),
    "burst_intervals": lambda times: tuple(np.diff(_last_burst(times)).tolist()),
    "gap": _gap,
    "period": _period,
    "first_spike": lambda times: float(times[0]) if times.size else float("nan"),
    "second_burst": lambda times: _ahead(times, 1),
}
"""How each quantity is read from spike times after the onset, in tau_m. `lowest` and `highest` are read from the
membrane itself."""

FAST, RECOVERY = tanh("fast", -2.0), tanh("slow", 2.0)
BISTABILITY = tanh("slow", -1.5, -0.9)


def _slow_bursting(limit: float | None) -> Neuron:
    elements = (FAST, RECOVERY, tanh("slow", -1.5, -1.5), tanh("ultraslow", 1.5, -1.5))
    return mtc(elements, tau_s=50.0, tau_us=2500.0, filter_limit=limit, name="slow_bursting")


def _slewing(limit: float, known: Mapping[str, Answer]) -> Preset:
    return Preset(
        name=f"slow bursting, filters saturate at {limit:g}",
        neuron=_slow_bursting(limit),
        regime="tonic bursting",
        current=-2.0,
        start=(-1.0, -1.0, -1.0),
        stimulus=Stimulus.constant(-2.0),
        stop=12000.0,
        known=known,
        trust="derived",
        source=OURS,
    )


TONIC = Preset(
    name="tonic",
    neuron=mtc((FAST, RECOVERY), name="tonic"),
    regime="tonic spiking",
    current=-0.7,
    start=(-1.0, -1.0),
    stimulus=Stimulus.constant(-0.7),
    stop=600.0,
    known={"interval": 32.64, "lowest": -2.37, "highest": 2.28},
)
EXCITABLE = Preset(
    name="excitable",
    neuron=mtc((FAST, RECOVERY), name="excitable"),
    regime="excitable",
    current=-1.0,
    pulse=Pulse(amplitude=0.3, duration=2.0),
    start=(-1.0, -1.0),
    stimulus=Stimulus.pulse(0.3, start=200.0, duration=2.0, base=-1.0),
    onset=200.0,
    stop=500.0,
    known={"spikes": 1.0, "latencies": (3.1,)},
)
BISTABLE = Preset(
    name="rest-spike bistable",
    neuron=mtc((FAST, RECOVERY, BISTABILITY), name="bistable"),
    regime="rest-spike bistable",
    current=-0.8,
    pulse=Pulse(amplitude=1.0, duration=20.0),
    start=(-2.0, -2.0),
    stimulus=Stimulus.pulse(1.0, start=500.0, duration=20.0, base=-0.8)
    + Stimulus.pulse(-1.0, start=1500.0, duration=20.0),
    onset=500.0,
    stop=2500.0,
    known={"spikes": 26.0, "interval": 39.6},
)
BURSTING = Preset(
    name="bursting",
    neuron=mtc((FAST, RECOVERY, BISTABILITY, tanh("ultraslow", 1.5, -0.9)), name="bursting"),
    regime="tonic bursting",
    current=-1.0,
    start=(-1.9, -1.8, -1.8),
    stimulus=Stimulus.constant(-1.0),
    stop=3000.0,
    known={
        "burst_size": 3.0,
        "burst_intervals": (42.2, 45.5),
        "gap": 246.7,
        "lowest": -2.23,
        "highest": 3.49,
    },
)
SLOW_BURSTING = Preset(
    name="slow bursting",
    neuron=_slow_bursting(None),
    regime="tonic bursting",
    current=-2.0,
    start=(-1.0, -1.0, -1.0),
    stimulus=Stimulus.constant(-2.0),
    stop=10000.0,
    known={
        "burst_size": 7.0,
        "first_spike": 2528.3,
        "second_burst": 5022.2,
        "lowest": -4.01,
        "highest": 2.91,
    },
)
PHASIC_SPIKE = Preset(
    name="phasic spike",
    neuron=mtc((FAST, RECOVERY, tanh("ultraslow", 3.0, -0.9)), name="phasic_spike"),
    regime="phasic spiking",
    current=-2.5,
    before=-3.0,
    start=(-3.0, -3.0, -3.0),
    stimulus=Stimulus.step(-3.0, -2.5, at=4000.0),
    onset=4000.0,
    stop=6000.0,
    known={"spikes": 1.0, "latencies": (3.8,)},
    trust="derived",
    source=OURS,
)
PHASIC_BURST = Preset(
    name="phasic burst",
    neuron=mtc((FAST, RECOVERY, BISTABILITY, tanh("ultraslow", 1.5, -0.5)), name="phasic_burst"),
    regime="phasic bursting",
    current=-2.0,
    before=-3.0,
    start=(-3.0, -3.0, -3.0),
    stimulus=Stimulus.step(-3.0, -2.0, at=4000.0),
    onset=4000.0,
    stop=6000.0,
    known={"spikes": 6.0, "latencies": (87.6, 139.2, 181.7, 221.8, 260.9, 301.5)},
    trust="derived",
    source=OURS,
)

PRESETS: Mapping[str, Preset] = Catalogue(
    "preset",
    {
        preset.name: preset
        for preset in (
            TONIC,
            EXCITABLE,
            BISTABLE,
            BURSTING,
            SLOW_BURSTING,
            PHASIC_SPIKE,
            PHASIC_BURST,
            _slewing(1.0, {"burst_size": 13.0, "first_spike": 3759.9, "period": 3717.0}),
            _slewing(2.0, {"burst_size": 10.0}),
            _slewing(4.0, {"burst_size": 8.0}),
        )
    },
)
"""All presets by name."""
