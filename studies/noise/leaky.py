"""A leaky membrane alone: its variance against kT/C with the circuit's factor, and its spectrum in bins."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from circuits.networks.noise import CircuitDraws
from conductance import mtc
from conductance.shaping.noise import membrane_density, stationary_covariance
from excitable.trials import Result
from netlists.errors import SimulationFailed
from studies.noise.bench import SAMPLE, Bench, integrated
from studies.noise.budget import SEED, Budget, NoiseTrial, model_run
from studies.noise.lines import left_by_lines, shape_of_lines

SETTLE = 10.0
"""In tau_m, left out at the beginning: the variance then lacks exp(-20) of itself."""
BINS = np.geomspace(0.1, 10.0, 9)
"""Edges of the bins of a spectrum, in 1/tau_m: two decades around the membrane's corner."""
ATTEMPTS = 6
LANES = 8
"""Neurons in one piece of the model."""


def bench() -> Bench:
    """Of a membrane whose leak is one pair."""
    return Bench(mtc((), leak_limit=1.0), calibrated=False)


def leaky_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """A piece of a form's record, or ngspice's `.noise` against the formula."""
    return by_noise() if trial.form == "noise" else a_piece(trial, budget)


def by_noise() -> Result:
    """`.noise` of the transistors: the worst density over four decades, and the variance of each cause."""
    own = bench()
    rest = own.rest(0.0)
    expected = float(stationary_covariance(own.noisy, rest, 0.0)[0, 0])
    radian, causes = own.density(0.0)
    formula = membrane_density(own.noisy, rest, 0.0, radian)
    inside = (radian > 10**-3.5) & (radian < 10**0.62)
    own_bins = [
        float(np.mean((causes["channel"] / formula)[(radian >= low) & (radian < high)]))
        for low, high in pairwise(BINS)
    ]
    return {
        "worst": float(np.abs(causes["channel"][inside] / formula[inside] - 1).max()),
        "from": float(radian[inside][0]), "to": float(radian[inside][-1]),
        "variance": integrated(radian, causes["channel"]) / expected,
        "flicker": integrated(radian, causes["flicker"]) / expected,
        "expected": expected, "rms": float(np.sqrt(expected)), "bins": own_bins,
    }  # fmt: skip


def a_piece(trial: NoiseTrial, budget: Budget) -> Result:
    """One independent record of a form; a simulation that gives up is begun again with other numbers, and counted."""
    own = bench()
    rest = own.rest(0.0)
    stop = budget.piece
    if trial.form == "model":
        values = model_run(
            own.noisy,
            0.0,
            rest,
            stop=stop,
            dt=SAMPLE,
            lanes=LANES,
            settle=SETTLE,
            seed=SEED + trial.piece,
        )
        return measured(own, values, SAMPLE, lines=None)
    if trial.form == "behavioural":
        steps = round(stop / budget.fine)
        draws = CircuitDraws(seed=SEED + trial.piece, dt=budget.fine, steps=steps)
        _, voltage = own.transient(0.0, stop, draws=draws, ideal=True, start=(0.0,))
        failed = 0
    else:
        begin = own.operating_point(0.0)
        (_, voltage), failed = again(lambda: own.transient(0.0, stop, step=budget.fine, start=begin))
    kept = voltage[round(SETTLE / SAMPLE) :, None]
    return measured(own, kept, SAMPLE, lines=budget.fine) | {"failed": failed}


def again(
    run: Callable[[], tuple[np.ndarray, np.ndarray]],
) -> tuple[tuple[np.ndarray, np.ndarray], int]:
    """A simulation with the numbers of another process each time, until one ends; and how many did not."""
    for failed in range(ATTEMPTS):
        try:
            return run(), failed
        except SimulationFailed:
            if failed == ATTEMPTS - 1:
                raise
    raise AssertionError


def measured(own: Bench, values: np.ndarray, dt: float, lines: float | None) -> Result:
    """Mean, mean square and density over the formula in bins, of records (sample, lane).

    Args:
        own: the membrane.
        values: in V0.
        dt: between samples, in tau_m.
        lines: between two numbers of the noise that lines join; none where the rule is exact.
    """
    radian = 2 * np.pi * np.fft.rfftfreq(len(values), dt)
    seen = (radian >= BINS[0]) & (radian < BINS[-1])
    # a whole record without a window: its ends leak 1/T of the density, and its values are independent
    spectra = 2 * dt / len(values) * np.abs(np.fft.rfft(values - values.mean(0), axis=0)[seen]) ** 2
    radian = radian[seen]
    formula = membrane_density(own.noisy, own.rest(0.0), 0.0, radian)
    ratio = spectra.mean(1) / (formula if lines is None else formula * shape_of_lines(radian, lines))
    places = [(radian >= low) & (radian < high) for low, high in pairwise(BINS)]
    lanes = values.shape[1]
    return {
        "mean": float(values.mean()), "square": float((values**2).mean()),
        "length": len(values) * dt * lanes, "lines": lines,
        "bins": [float(ratio[place].mean()) if place.any() else 0.0 for place in places],
        "counts": [int(place.sum()) * lanes for place in places],
    }  # fmt: skip


def pooled(pieces: Iterable[Result], expected: float) -> Result:
    """All pieces of a form together: the variance over its formula, raw and with what lines take given back."""
    found = list(pieces)
    length = sum(one["length"] for one in found)
    share = [one["length"] / length for one in found]
    mean = sum(part * one["mean"] for part, one in zip(share, found, strict=True))
    square = sum(part * one["square"] for part, one in zip(share, found, strict=True))
    raw = (square - mean**2) / expected
    lines = found[0]["lines"]
    counts = np.sum([one["counts"] for one in found], axis=0)
    bins = np.sum([np.multiply(one["bins"], one["counts"]) for one in found], axis=0) / np.maximum(counts, 1)
    return {
        "raw": raw, "ratio": raw if lines is None else raw / left_by_lines(lines), "lines": lines,
        "error": float(np.sqrt(2 / length)), "length": length, "pieces": len(found),
        "failed": sum(one.get("failed", 0) for one in found),
        "bins": bins.tolist(), "counts": counts.tolist(),
    }  # fmt: skip
