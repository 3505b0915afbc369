"""Neurons that fire: the intervals of the tonic set, and spikes of the excitable set that only noise makes."""

from collections.abc import Iterable

import numpy as np
from scipy.optimize import newton

from circuits.networks.noise import CircuitDraws
from conductance.neurons.presets import PRESETS, SPIKE_LEVEL
from conductance.shaping.noise import membrane_density
from excitable.trials import Result
from netlists.comparison.crossings import upward_crossings
from studies.noise.bench import SAMPLE, Bench, damping
from studies.noise.budget import SEED, Budget, NoiseTrial, model_run
from studies.noise.leaky import again

SETTLE = 50.0
"""In tau_m, left out at the beginning of a record."""
NEAR_FOLD = -0.858
"""Input of the excitable set at which noise alone makes the model fire about 7 times in 1000 tau_m; the rate is steep,
and grows with the length of the record, as rest and firing exist side by side."""


def crossings(voltage: np.ndarray, dt: float) -> list[np.ndarray]:
    """Times of the upward crossings of each column in tau_m."""
    return upward_crossings(dt * np.arange(len(voltage)), voltage, threshold=SPIKE_LEVEL)


def intervals_of(voltage: np.ndarray, dt: float, skipped: int = 2) -> list[float]:
    """Intervals between spikes of all columns, the first ones of each left out."""
    return [value for times in crossings(voltage, dt) for value in np.diff(times)[skipped:].tolist()]


def record(
    trial: NoiseTrial, budget: Budget, bench: Bench, *, current: float, start: tuple[float, ...], stop: float
) -> tuple[np.ndarray, float, int]:
    """The membrane (sample, lane) of a form from its start, the time between samples, and how many runs gave up."""
    if trial.form == "model":
        begin = dict(zip([state.name for state in bench.neuron.states], start, strict=True))
        values = model_run(
            bench.noisy, current, begin, stop=stop, dt=budget.dt, lanes=budget.lanes, settle=0.0,
            seed=SEED + trial.piece,
        )  # fmt: skip
        return values, budget.dt, 0
    if trial.form == "behavioural":
        draws = CircuitDraws(seed=SEED + 100 + trial.piece, dt=budget.dt, steps=round(stop / budget.dt))
        _, voltage = bench.transient(current, stop, draws=draws, ideal=True, start=start)
        return voltage[:, None], SAMPLE, 0
    (_, voltage), failed = again(lambda: bench.transient(current, stop, step=budget.step, start=start))
    return voltage[:, None], SAMPLE, failed


def interval_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """Intervals of the tonic set at its own input."""
    preset = PRESETS["tonic"]
    values, dt, failed = record(
        trial, budget, Bench(preset.neuron), current=preset.current, start=preset.start,
        stop=budget.intervals[trial.form][1],
    )  # fmt: skip
    return {"intervals": intervals_of(values, dt), "failed": failed}


def spike_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """Spikes of the excitable set that only noise makes, near its fold, in a record that begins at rest.

    The input of transistors is the one at which their resonance dies out as fast as the model's at its own.
    """
    bench, own = Bench(PRESETS["excitable"].neuron), NEAR_FOLD
    rest = bench.rest(own)
    fine = np.geomspace(0.1, 0.5, 400)
    wanted = reached = damping(fine, membrane_density(bench.noisy, rest, own, fine))
    start = tuple(rest.values())
    if trial.form == "transistor":

        def away(tried: float) -> float:
            radian, causes = bench.density(tried, band=(0.1, 0.5), points=400)
            return damping(radian, causes["channel"]) - wanted

        # from far below the fold, since beyond it a growing resonance looks like one that dies out
        own = float(newton(away, own - 0.10, x1=own - 0.07, tol=1e-4))
        reached, start = wanted + away(own), bench.operating_point(own)
    stop = budget.spiking[trial.form][1]
    values, dt, failed = record(trial, budget, bench, current=own, start=start, stop=stop)
    kept = values[round(SETTLE / dt) :]
    return {
        "input": own, "damping": reached, "spikes": [len(times) for times in crossings(kept, dt)],
        "time": len(kept) * dt, "failed": failed,
    }  # fmt: skip


def scatter(values: Iterable[float]) -> tuple[float, float]:
    """Standard deviation over mean, and half of its 95 % interval, which normal intervals would have."""
    found = list(values)
    ratio = float(np.std(found, ddof=1) / np.mean(found))
    return ratio, 1.96 * ratio / np.sqrt(2 * (len(found) - 1))


def rate(counts: Iterable[int], time: float, scattered: float) -> tuple[float, float]:
    """Spikes in 1000 tau_m and half the 95 % interval: `scattered` is the deviation of one record's count."""
    found = list(counts)
    half = 1.96 * scattered / np.sqrt(len(found)) / time
    return 1e3 * float(np.mean(found)) / time, 1e3 * float(half)
