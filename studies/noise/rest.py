"""A preset's membrane at a resting input: linear theory, the model, and its circuits over time.

All records begin at rest, are equally long, and have the variance about their own mean.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from circuits.networks.noise import CircuitDraws
from conductance.neurons.presets import PRESETS
from conductance.shaping.noise import linearised, membrane_density, stationary_covariance
from excitable.trials import Result
from studies.noise.bench import SAMPLE, Bench, integrated, resting_input
from studies.noise.budget import SEED, Budget, NoiseTrial, model_run
from studies.noise.leaky import again
from studies.noise.lines import shape_of_lines
from studies.noise.records import record_law

SETTLE = 20.0
"""In tau_m, left out at the beginning of a record."""
CONDUCTANCE = 0.5
"""Least conductance on every timescale at the input where a preset is looked at: away from its fold, noise is linear
there."""


def rest_trial(trial: NoiseTrial, budget: Budget) -> Result:
    """What is expected of a preset, or a record of one form of it."""
    macromodel = trial.form == "macromodel"
    bench = Bench(PRESETS[trial.neuron].neuron, level="macromodel" if macromodel else "transistor")
    current = resting_input(bench, CONDUCTANCE)
    if trial.form == "noise":
        return expected(bench, current, budget)
    rest, stop = bench.rest(current), budget.resting[trial.form][1]
    if trial.form == "model":
        values = model_run(
            bench.noisy, current, rest, stop=stop, dt=budget.dt, lanes=budget.lanes, settle=SETTLE,
            seed=SEED + trial.piece,
        )  # fmt: skip
        return {"variance": float(values.var(0).mean()), "records": budget.lanes}
    failed, draws = 0, None
    if trial.form == "transistor":
        start = bench.operating_point(current)
        (_, voltage), failed = again(lambda: bench.transient(current, stop, step=budget.step, start=start))
    else:
        draws = CircuitDraws(seed=SEED + trial.piece, dt=budget.step, steps=round(stop / budget.step))
        start = tuple(rest.values()) if trial.form == "behavioural" else bench.operating_point(current)
        _, voltage = bench.transient(
            current, stop, draws=draws, ideal=trial.form == "behavioural", start=start
        )
    return {"variance": float(voltage[round(SETTLE / SAMPLE) :].var()), "records": 1, "failed": failed}


def expected(bench: Bench, current: float, budget: Budget) -> Result:
    """Linear theory, of any length and of the records', and ngspice's `.noise` of the transistors."""
    rest = bench.rest(current)
    linear = float(stationary_covariance(bench.noisy, rest, current)[0, 0])
    jacobian, spread = linearised(bench.noisy, rest, current)
    radian, causes = bench.density(current)
    formula = membrane_density(bench.noisy, rest, current, radian)
    lines = integrated(radian, formula * shape_of_lines(radian, budget.step)) / integrated(radian, formula)
    records = {
        form: record_law(jacobian, spread, settle=SETTLE, stop=stop)
        for form, (_, stop) in budget.resting.items()
    }
    return {
        "current": current, "rest": rest[bench.neuron.membrane.name],
        "circuit_rest": bench.operating_point(current)[0], "linear": linear, "lines": lines,
        "records": {form: [found / linear, scatter / found] for form, (found, scatter) in records.items()},
        "noise": integrated(radian, causes["channel"]), "flicker": integrated(radian, causes["flicker"]),
        "unit": bench.scaling.voltage_unit,
    }  # fmt: skip


def ratios(found: Mapping[str, Iterable[Result]]) -> dict[str, tuple[float, float, int]]:
    """By form: variance over linear theory's for such records, half its 95 % interval, and how many runs gave up.

    Theory's scatter of one record is that of normal noise; that of the model's rule is exact, and draws that lines join
    have what lines leave.

    Args:
        found: results by form, with that of `noise` among them.
    """
    (theory,) = found["noise"]
    given = {}
    for form, pieces in found.items():
        if form == "noise":
            continue
        runs = list(pieces)
        share, scatter = theory["records"][form]
        lines = 1.0 if form == "model" else theory["lines"]
        number = sum(one["records"] for one in runs)
        mean = sum(one["variance"] * one["records"] for one in runs) / number
        ratio = mean / (theory["linear"] * share * lines)
        half = 1.96 * scatter * ratio / np.sqrt(number)
        given[form] = (ratio, float(half), sum(one.get("failed", 0) for one in runs))
    return given
