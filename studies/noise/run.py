"""What noise does to a neuron: a leaky membrane, every preset at rest, intervals of the tonic one, spikes by noise."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import torch
from scipy.optimize import newton
from scipy.signal import welch

from circuits.networks.noise import CircuitDraws
from conductance import NeuronLayer, mtc
from conductance.neurons.base import Neuron
from conductance.neurons.presets import PRESETS, SPIKE_LEVEL
from conductance.shaping.noise import membrane_density, stationary_covariance
from excitable.trials import Result
from netlists.comparison.crossings import upward_crossings
from studies.base import Runner
from studies.noise.bench import SAMPLE, Bench, damping, integrated, resting_input, variance
from studies.noise.network import NetworkBudget, NetworkTrial, network_trial
from studies.noise.orders import orders

SETTLE = 50.0
"""In tau_m, left out at the beginning of a transient."""
FORMS = ("model", "behavioural", "transistor")
RESTING = -1.5
"""Input at which the design curve looks at the membrane's rest."""
CONDUCTANCE = 0.5
"""Least fast conductance at the input where a preset is looked at: away from its fold, noise is linear there."""
BINS = np.geomspace(0.1, 10.0, 9)
"""Edges of the bins of a spectrum, in 1/tau_m: two decades around the membrane's corner."""
RATE = 7e-3
"""Spikes by noise in one tau_m that the input is chosen for."""
ADDED: Mapping[str, tuple[str, ...]] = MappingProxyType({"intervals": ("intervals",), "spikes": ("spikes",)})
"""What pieces of one form add up to."""
SEED = 11
PRESET_NAMES = tuple(name for name in PRESETS if not name.endswith(("at 2", "at 4")))
"""A filter wider than a pair has no circuit of transistors."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the study spends.

    Attributes:
        leaky: length of a transient of the leaky membrane of transistors, in tau_m.
        behavioural: the same of its behavioural netlist.
        resting: the same of a preset at rest.
        intervals: about how many intervals of the tonic set are simulated with transistors, in pieces.
        pieces: of it.
        spikes: how many spikes by noise each form should have.
        step: between two numbers of the devices' noise, in tau_m; resonances are far slower.
        fine: the same for the leaky membrane, whose variance lacks half of it as a share.
        dt: of the model, in tau_m.
        lanes: neurons of the model.
        presets: names.
        sizes: membrane capacitors of the design curve, in F.
        networks: of the demo's network.
        forms: of what is simulated over time, but for spikes.
        spiking: forms whose spikes by noise are counted: transistors take a quarter of an hour.
    """

    leaky: float
    behavioural: float
    resting: float
    intervals: int
    pieces: int
    spikes: int
    step: float
    fine: float
    dt: float
    lanes: int
    presets: tuple[str, ...]
    sizes: tuple[float, ...]
    networks: NetworkBudget
    forms: tuple[str, ...] = FORMS
    spiking: tuple[str, ...] = FORMS


FULL = Budget(
    leaky=9000.0, behavioural=10000.0, resting=800.0, intervals=220, pieces=8, spikes=210, step=0.05, fine=0.02,
    dt=0.02, lanes=256, presets=PRESET_NAMES, sizes=(1e-14, 3e-14, 1e-13, 3e-13, 1e-12, 3e-12),
    networks=NetworkBudget(
        seeds=5, hidden=64, samples=3000, warm_up=1000, steps=200, series=16,
        powers=(0.0, 1.0, 16.0, 64.0, 256.0, 1024.0), realisations=3, simulated=(0.0, 64.0), held_out=1500,
    ),
    spiking=FORMS[:2],
)  # fmt: skip
BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "reduced": replace(FULL, networks=replace(FULL.networks, seeds=0)),
        "full": FULL,
        "long": replace(FULL, spiking=FORMS),
        "smoke": Budget(
            leaky=120.0, behavioural=200.0, resting=120.0, intervals=6, pieces=1, spikes=3, step=0.05, fine=0.05,
            dt=0.05, lanes=8, presets=("tonic",), sizes=(1e-12,), networks=NetworkBudget(
                seeds=1, hidden=2, samples=40, warm_up=10, steps=2, series=2, powers=(0.0, 64.0), realisations=2,
                simulated=(0.0, 64.0), held_out=40,
            ),
        ),
    }
)  # fmt: skip
"""`reduced` takes about an hour of one core, `full` two, `long` four."""


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All results: of the leaky membrane by form, of presets by name, of intervals and of spikes by form."""

    budget: Budget
    leaky: Mapping[str, Result]
    orders: Mapping[str, Result]
    rest: Mapping[str, Result]
    transient: Mapping[str, Result]
    intervals: Mapping[str, Result]
    spikes: Mapping[str, Result]
    sizes: Mapping[str, Result]
    networks: Mapping[str, Result]


@dataclass(frozen=True, kw_only=True)
class NoiseTrial:
    """One simulation: `kind` is a name of `WORK`, `form` what is simulated: model, behavioural, transistor, preset."""

    kind: str
    form: str
    piece: int = 0

    @property
    def name(self) -> str:
        """A file name that tells trials apart."""
        return f"{self.kind}-{self.form.replace(' ', '_').replace(',', '')}-{self.piece}"


def preset_neuron(name: str) -> Neuron:
    """The declaration of a preset."""
    return PRESETS[name].neuron


def model_run(
    neuron: Neuron,
    current: float,
    start: Mapping[str, float],
    *,
    stop: float,
    dt: float,
    lanes: int,
    covariance: np.ndarray | None = None,
) -> np.ndarray:
    """The membrane (sample, lane) of independent noisy neurons every dt, after `SETTLE`.

    All begin at `start`, or around it with a `covariance` (state, state), that of their stationary law.
    """
    shown = replace(neuron, output=neuron.membrane.symbol)  # so that the kernel writes the membrane
    layer = NeuronLayer(shown, lanes, dt=dt, method="exponential_euler")
    begin = np.tile([start[each.name] for each in neuron.states], (lanes, 1))
    if covariance is not None:
        begin += np.random.default_rng(SEED).multivariate_normal(np.zeros(len(covariance)), covariance, lanes)
    state = tuple(torch.as_tensor(column, dtype=torch.float32)[None] for column in begin.T)
    chunk, kept = 2000, []
    with torch.no_grad():
        for index in range(max(1, round(stop / dt / chunk))):
            values, state = layer(torch.full((chunk, 1, lanes), current), state, seed=SEED + index)
            kept.append(values[:, 0].numpy())
    return np.concatenate(kept)[round(SETTLE / dt) :]


def leaky_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """Variance of a leaky membrane over its formula, and its spectrum in bins over its formula."""
    bench = Bench(mtc((), leak_limit=1.0), calibrated=False)
    rest = bench.rest(0.0)
    expected = float(stationary_covariance(bench.noisy, rest, 0.0)[0, 0])
    if trial.form == "noise":
        radian, causes = bench.density(0.0)
        formula = membrane_density(bench.noisy, rest, 0.0, radian)
        inside = (radian > 10**-3.5) & (radian < 10**0.62)
        return {
            "worst": float(np.abs(causes["channel"][inside] / formula[inside] - 1).max()),
            "from": float(radian[inside][0]), "to": float(radian[inside][-1]),
            "variance": integrated(radian, causes["channel"]) / expected,
            "flicker": integrated(radian, causes["flicker"]) / expected,
            "expected": expected, "rms": float(np.sqrt(expected)),
        }  # fmt: skip
    if trial.form == "model":
        length, dt = 2000.0, budget.dt
        values = model_run(bench.noisy, 0.0, rest, stop=min(length, budget.behavioural), dt=dt, lanes=16)
        columns = list(values.T)
    elif trial.form == "behavioural":
        steps = round(budget.behavioural / budget.dt)
        draws = CircuitDraws(seed=SEED, dt=budget.dt, steps=steps)
        _, voltage = bench.transient(
            0.0, budget.behavioural, step=None, draws=draws, level="behavioural", start=(0.0,)
        )
        columns, dt = [voltage[round(SETTLE / SAMPLE) :]], SAMPLE
    else:
        _, voltage = bench.transient(0.0, budget.leaky, step=budget.fine, start=bench.operating_point(0.0))
        columns, dt = [voltage[round(SETTLE / SAMPLE) :]], SAMPLE
    found = [variance(column) for column in columns]
    segments = min(len(columns[0]), round(200 / dt))
    spectra = [welch(column - column.mean(), fs=1 / dt, nperseg=segments) for column in columns]
    radian, density = 2 * np.pi * spectra[0][0][1:], np.mean([each[1][1:] for each in spectra], axis=0)
    formula = membrane_density(bench.noisy, rest, 0.0, radian)
    places = [(radian >= low) & (radian < high) for low, high in pairwise(BINS)]
    number = sum(len(column) for column in columns) * dt
    return {
        "ratio": float(np.mean([each[0] for each in found]) / expected),
        "error": float(np.sqrt(2 / number)),
        "length": float(number),
        "bins": [float(density[p].mean() / formula[p].mean()) if p.any() else None for p in places],
    }


def rest_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """A preset's membrane at a resting input: linear theory, the model's run, `.noise`, and devices over time."""
    bench = Bench(preset_neuron(trial.form))
    current = resting_input(bench, CONDUCTANCE)
    rest = bench.rest(current)
    covariance = stationary_covariance(bench.noisy, rest, current)
    linear = float(covariance[0, 0])
    run = model_run(
        bench.noisy, current, rest, stop=300.0, dt=budget.dt, lanes=budget.lanes, covariance=covariance
    )
    radian, causes = bench.density(current)
    settled = bench.operating_point(current)
    return {
        "current": current, "rest": rest[bench.neuron.membrane.name], "circuit_rest": settled[0],
        "linear": linear, "model": float(run.var()),
        "noise": integrated(radian, causes["channel"]), "flicker": integrated(radian, causes["flicker"]),
        "unit": bench.scaling.voltage_unit,
    }  # fmt: skip


def transient_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """The same membrane of transistors over time, the noise of each device as a source."""
    bench = Bench(preset_neuron(trial.form))
    current = resting_input(bench, CONDUCTANCE)
    start = bench.operating_point(current)
    _, voltage = bench.transient(current, budget.resting, step=budget.step, start=start)
    found, error = variance(voltage[round(SETTLE / SAMPLE) :])
    return {"variance": found, "error": error}


def size_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """What a capacitor costs and how much noise it leaves: the tonic set, by the model and one operating point."""
    capacitance = float(trial.form)
    preset = PRESETS["tonic"]
    bench = Bench(preset.neuron)
    shrunk = bench.noisy.with_values(noise_power=bench.scaling.shot_power * 1e-12 / capacitance)
    start = dict(zip([state.name for state in preset.neuron.states], preset.start, strict=True))
    runs = model_run(shrunk, preset.current, start, stop=500.0, dt=budget.dt, lanes=min(64, budget.lanes))
    found = [value for column in runs.T for value in intervals_of(column, budget.dt)]
    rest = bench.rest(RESTING)
    rms = float(np.sqrt(stationary_covariance(shrunk, rest, RESTING)[0, 0]))
    power, transistors = bench.supply_power(preset.current), bench.transistor_area()
    unit = capacitance * bench.scaling.voltage_unit / bench.scaling.current_unit
    return {
        "capacitance": capacitance, "rms": rms, "jitter": float(np.std(found) / np.mean(found)),
        "intervals": len(found), "interval": float(np.mean(found)) * unit,
        "energy": float(power * np.mean(found) * unit),
        "capacitor_area": capacitance * (1 + 20) / bench.technology.capacitor.density,
        "transistors": transistors,
    }  # fmt: skip


def intervals_of(voltage: np.ndarray, dt: float, skipped: int = 2) -> list[float]:
    """Intervals between upward crossings in tau_m, the first ones left out."""
    (times,) = upward_crossings(dt * np.arange(len(voltage)), voltage[:, None], threshold=SPIKE_LEVEL)
    return np.diff(times)[skipped:].tolist()


def interval_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """Intervals of the tonic set at its own input."""
    preset = PRESETS["tonic"]
    bench = Bench(preset.neuron)
    start = dict(zip([state.name for state in preset.neuron.states], preset.start, strict=True))
    stop = 33.0 * (budget.intervals / budget.pieces + 3)
    if trial.form == "model":
        runs = model_run(
            bench.noisy, preset.current, start, stop=max(stop, 500.0), dt=budget.dt, lanes=budget.lanes
        )
        found = [value for column in runs.T for value in intervals_of(column, budget.dt)]
    elif trial.form == "behavioural":
        draws = CircuitDraws(seed=SEED + trial.piece, dt=budget.dt, steps=round(stop / budget.dt))
        _, voltage = bench.transient(
            preset.current, stop, step=None, draws=draws, level="behavioural", start=preset.start
        )
        found = intervals_of(voltage, SAMPLE)
    else:
        _, voltage = bench.transient(preset.current, stop, step=budget.step, start=preset.start)
        found = intervals_of(voltage, SAMPLE)
    return {"intervals": found}


def spikes_of(voltage: np.ndarray, dt: float) -> list[int]:
    """How many upward crossings each column has."""
    times = upward_crossings(dt * np.arange(len(voltage)), voltage, threshold=SPIKE_LEVEL)
    return [len(column) for column in times]


def spike_length(budget: Budget) -> float:
    """How long each run for spikes by noise is, in tau_m, all from rest: rest and firing exist side by side."""
    return budget.spikes / RATE / budget.pieces + SETTLE


def spike_input(bench: Bench, budget: Budget) -> float:
    """The input at which the model's excitable set is moved over its fold by noise at about `RATE`."""
    low, high = -0.90, -0.84
    for _ in range(7):
        middle = (low + high) / 2
        run = model_run(
            bench.noisy, middle, bench.rest(middle), stop=spike_length(budget), dt=0.05,
            lanes=min(64, budget.lanes),
        )  # fmt: skip
        rate = sum(spikes_of(run, 0.05)) / (run.size * 0.05)
        low, high = (middle, high) if rate < RATE else (low, middle)
    return low


def spike_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """Spikes of the excitable set that only noise makes, near its fold.

    The input of transistors is the one at which their resonance dies out as fast as the model's at its own.
    """
    bench = Bench(PRESETS["excitable"].neuron)
    current = spike_input(bench, budget)
    rest = bench.rest(current)
    fine = np.geomspace(0.1, 0.5, 400)
    model_damping = damping(fine, membrane_density(bench.noisy, rest, current, fine))
    stop, own = spike_length(budget), current
    if trial.form == "model":
        run = model_run(bench.noisy, current, rest, stop=stop, dt=budget.dt, lanes=budget.lanes)
        return {
            "input": current, "damping": model_damping, "spikes": spikes_of(run, budget.dt),
            "time": len(run) * budget.dt,
        }  # fmt: skip
    if trial.form == "behavioural":
        draws = CircuitDraws(seed=SEED + 100 + trial.piece, dt=budget.dt, steps=round(stop / budget.dt))
        _, voltage = bench.transient(
            current, stop, step=None, draws=draws, level="behavioural", start=tuple(rest.values())
        )
        reached = model_damping
    else:

        def away(tried: float) -> float:
            radian, causes = bench.density(tried, band=(0.1, 0.5), points=400)
            return damping(radian, causes["channel"]) - model_damping

        # from far below the fold, since beyond it a growing resonance looks like one that dies out
        own = float(newton(away, current - 0.10, x1=current - 0.07, tol=1e-4))
        reached = model_damping + away(own)
        _, voltage = bench.transient(own, stop, step=budget.step, start=bench.operating_point(own))
    kept = voltage[round(SETTLE / SAMPLE) :, None]
    return {"input": own, "damping": reached, "spikes": spikes_of(kept, SAMPLE), "time": len(kept) * SAMPLE}


def orders_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """Convergence of the rules under noise that is additive, or that depends on the state."""
    return orders(trial.form != "additive")


WORK = MappingProxyType(
    {
        "orders": orders_trial,
        "leaky": leaky_trial,
        "rest": rest_trial,
        "sizes": size_trial,
        "transient": transient_trial,
        "intervals": interval_trial,
        "spikes": spike_trial,
    }
)


def noise_trial(trial: NoiseTrial, *, budget: Budget) -> Result:
    """Run one trial by its kind."""
    torch.set_num_threads(1)
    return WORK[trial.kind](trial, budget)


def trials(budget: Budget) -> list[NoiseTrial]:
    """All trials of a budget, the short ones first."""
    over_time = {"intervals": budget.forms, "spikes": budget.spiking}
    return [
        *(NoiseTrial(kind="orders", form=form) for form in ("additive", "state-dependent")),
        *(NoiseTrial(kind="leaky", form=form) for form in ("noise", *budget.forms)),
        *(NoiseTrial(kind="rest", form=name) for name in budget.presets),
        *(NoiseTrial(kind="sizes", form=f"{size:g}") for size in budget.sizes),
        *(NoiseTrial(kind="transient", form=name) for name in budget.presets if budget.resting),
        *(
            NoiseTrial(kind=kind, form=form, piece=piece)
            for kind, forms in over_time.items()
            for form in forms
            for piece in range(1 if form == "model" else budget.pieces)
        ),
    ]


def run_study(budget: Budget, runner: Runner) -> StudyResult:
    """Run what is missing: single neurons first, then networks."""
    found = runner.run("neurons under noise", trials(budget), partial(noise_trial, budget=budget))
    kinds: dict[str, dict[str, Result]] = {kind: {} for kind in WORK}
    for trial in trials(budget):
        result, kept = found[trial.name], kinds[trial.kind]
        if trial.form in kept:  # another piece of the same
            for name in ADDED[trial.kind]:
                kept[trial.form][name] += result[name]
        else:
            kept[trial.form] = dict(result)
    networks = [
        NetworkTrial(seed=seed, noisy=noisy, budget=budget.networks, folder=runner.folder / "networks")
        for seed in range(budget.networks.seeds)
        for noisy in (False, True)
    ]
    trained = runner.run("networks under noise", networks, network_trial)
    return StudyResult(budget=budget, networks=trained, **kinds)
