"""What the study spends, one of its simulations, and a run of the model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch

from conductance import NeuronLayer
from conductance.neurons.base import Neuron
from conductance.neurons.presets import PRESETS
from studies.noise.network import NetworkBudget

FORMS = ("model", "behavioural", "transistor")
SEED = 11
PRESET_NAMES = tuple(name for name in PRESETS if not name.endswith(("at 2", "at 4")))
"""A filter wider than a pair has no circuit of transistors."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the study spends. Lengths are in tau_m.

    Attributes:
        piece: length of one record of the leaky membrane.
        leaky: how many of them by form.
        fine: between two numbers of its noise, and the model's step there.
        step: between two numbers of the devices' noise elsewhere; what lines lose of a spectrum is counted.
        dt: of the model and of the draws of behavioural netlists elsewhere.
        lanes: neurons of the model.
        presets: names.
        resting: pieces and their length of a preset at rest, by form.
        only: by form, the presets that it has time for; all where the form is not named.
        intervals: pieces and their length of the tonic set, by form.
        spiking: pieces and their length of the excitable set near its fold, by form; lengths are equal.
        currents: I0 of the design curve, in A.
        networks: of the demo's network.
    """

    piece: float
    leaky: Mapping[str, int]
    fine: float
    step: float
    dt: float
    lanes: int
    presets: tuple[str, ...]
    resting: Mapping[str, tuple[int, float]]
    only: Mapping[str, tuple[str, ...]]
    intervals: Mapping[str, tuple[int, float]]
    spiking: Mapping[str, tuple[int, float]]
    currents: tuple[float, ...]
    networks: NetworkBudget

    def records(self, preset: str, form: str) -> int:
        """Pieces of a preset at rest in a form; `.noise` is one, and some forms are simulated of some presets only."""
        if form == "noise":
            return 1
        return self.resting[form][0] if preset in self.only.get(form, (preset,)) else 0


@dataclass(frozen=True, kw_only=True)
class NoiseTrial:
    """One simulation: what is looked at, the form or the name that is simulated, and which independent piece of it."""

    kind: str
    form: str
    neuron: str = ""
    piece: int = 0

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        words = [self.kind, self.neuron, self.form, str(self.piece)]
        return "-".join(word.replace(" ", "_").replace(",", "") for word in words if word)


def model_run(
    neuron: Neuron,
    current: float,
    start: Mapping[str, float],
    *,
    stop: float,
    dt: float,
    lanes: int,
    settle: float,
    seed: int = SEED,
) -> np.ndarray:
    """The membrane (sample, lane) of independent noisy neurons every dt, from `settle` on; all begin at `start`."""
    shown = replace(neuron, output=neuron.membrane.symbol)  # so that the kernel writes the membrane
    layer = NeuronLayer(shown, lanes, dt=dt, method="exponential_euler")
    begin = np.tile([start[each.name] for each in neuron.states], (lanes, 1))
    state = tuple(torch.as_tensor(column, dtype=torch.float32)[None] for column in begin.T)
    chunk, kept = 2000, []
    with torch.no_grad():
        for index in range(max(1, round(stop / dt / chunk))):
            values, state = layer(torch.full((chunk, 1, lanes), current), state, seed=1000 * seed + index)
            kept.append(values[:, 0].numpy())
    return np.concatenate(kept)[round(settle / dt) :]


REDUCED = Budget(
    piece=900.0, leaky={"model": 6, "behavioural": 20, "transistor": 20}, fine=0.1,
    step=0.1, dt=0.05, lanes=128, presets=PRESET_NAMES,
    resting={"model": (1, 620.0), "behavioural": (0, 620.0), "macromodel": (0, 620.0), "transistor": (0, 620.0)},
    only={},
    intervals={"model": (1, 1000.0), "behavioural": (2, 1000.0), "transistor": (3, 1000.0)},
    spiking={"model": (3, 1550.0)},
    currents=(1e-10, 1e-9, 1e-8),
    networks=NetworkBudget(
        seeds=5, hidden=64, samples=3000, warm_up=1000, steps=200, series=16,
        powers=(0.0, 1.0, 16.0, 64.0, 256.0, 1024.0), realisations=3,
        simulated=(1024.0,), netlists=2, held_out=1200,
    ),
)  # fmt: skip
FULL = replace(
    REDUCED, leaky={"model": 6, "behavioural": 40, "transistor": 40},
    only={"transistor": tuple(name for name in PRESET_NAMES if name != "excitable")},
    resting={"model": (1, 620.0), "behavioural": (4, 620.0), "macromodel": (4, 620.0), "transistor": (4, 620.0)},
    intervals={"model": (1, 1000.0), "behavioural": (14, 1000.0), "transistor": (14, 1000.0)},
    spiking={form: (20 if form != "model" else 3, 1550.0) for form in FORMS},
    networks=replace(REDUCED.networks, simulated=(16.0, 64.0, 256.0, 1024.0), netlists=5, held_out=1500),
)  # fmt: skip
SMOKE = Budget(
    piece=60.0, leaky=dict.fromkeys(FORMS, 1), fine=0.05, step=0.05, dt=0.05, lanes=8,
    presets=("tonic",), only={},
    resting=dict.fromkeys((*FORMS, "macromodel"), (1, 80.0)),
    intervals=dict.fromkeys(FORMS, (1, 250.0)),
    spiking={"model": (1, 400.0), "behavioural": (1, 400.0)}, currents=(1e-9,),
    networks=NetworkBudget(
        seeds=1, hidden=2, samples=40, warm_up=10, steps=2, series=2, powers=(0.0, 16.0, 64.0), realisations=2,
        simulated=(64.0,), netlists=1, held_out=40,
    ),
)  # fmt: skip
BUDGETS: Mapping[str, Budget] = MappingProxyType({"reduced": REDUCED, "full": FULL, "smoke": SMOKE})
"""`reduced` takes about half an hour of one core, most of it the trainings; `full` some five hours."""
