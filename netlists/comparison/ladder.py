"""The error ladder: rungs from the trained model to the circuit, each compared with each.

A rung is one way to compute the same network on the same input: the discrete model, the continuous equation,
the behavioural netlist, and so on, in this order. The difference of two neighbours is what that one step costs.
The result is data that is stored as `comparison.json`; `schema()` documents it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from netlists.comparison.crossings import HYSTERESIS, ComparisonError, checked_waveform, upward_crossings
from netlists.comparison.errors import waveform_error
from netlists.comparison.record import Ladder, NeuronComparison, RungComparison, RungRecord
from netlists.comparison.sparsity import communication, computation
from netlists.comparison.spikes import Doubt, match_in_doubt, spike_doubt

Array = NDArray[np.floating]
DRIFT = 10.0
"""Windows within which a spike is looked for in the second computation of a rung; by what it drifts is its doubt."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rung:
    """One rung: the membrane voltages of all neurons, in the model's own units.

    Attributes:
        name: unique on its ladder, e.g. `continuous`.
        meaning: one sentence for the report.
        time: strictly increasing, in tau_m, shape (time,); every rung may have its own grid.
        voltage: U_m in V0, shape (time, neuron).
        neurons: one name per neuron.
        task_error: the task's error of this rung's own output; None where it has none.
        again: the voltage once more, on the same grid, computed with another tolerance; None where it was computed
            once. Differences from this rung count only where they exceed what the two differ by.
    """

    name: str
    time: Array
    voltage: Array
    neurons: tuple[str, ...]
    meaning: str = ""
    task_error: float | None = None
    again: Array | None = None

    def __post_init__(self) -> None:
        time, voltage = checked_waveform(self.time, self.voltage, f"rung {self.name!r}")
        if self.again is not None:
            _, again = checked_waveform(self.time, self.again, f"rung {self.name!r}, computed again")
            if again.shape != voltage.shape:
                raise ComparisonError(
                    f"rung {self.name!r}: computed again it has the shape {again.shape}, first {voltage.shape}"
                )
            object.__setattr__(self, "again", again)
        object.__setattr__(self, "time", time)
        object.__setattr__(self, "voltage", voltage)
        if len(self.neurons) != voltage.shape[1] or len(set(self.neurons)) != len(self.neurons):
            raise ComparisonError(
                f"rung {self.name!r}: {voltage.shape[1]} waveforms need as many different neuron names, "
                f"received {len(self.neurons)} names, {len(set(self.neurons))} of them different."
            )
        if self.task_error is not None and not np.isfinite(self.task_error):
            raise ComparisonError(
                f"rung {self.name!r}: task_error is {self.task_error}; use None if there is none."
            )

    @classmethod
    def from_waveforms(
        cls,
        waveforms: xr.DataArray,
        *,
        name: str,
        time_unit: float = 1.0,
        voltage_unit: float = 1.0,
        meaning: str = "",
        task_error: float | None = None,
    ) -> Self:
        """A rung from labelled waveforms: dimensions time and neuron in any order, with coordinates.

        Args:
            waveforms: a further dimension `batch` of size 1 is dropped.
            name: as for the class.
            time_unit: tau_m in the unit of the time coordinate, e.g. 72e-6 for seconds.
            voltage_unit: V0 in the unit of the values, e.g. 0.072 for volts.
            meaning: as for the class.
            task_error: as for the class.
        """
        if waveforms.sizes.get("batch") == 1:
            waveforms = waveforms.squeeze("batch", drop=True)
        if set(waveforms.dims) != {"time", "neuron"} or not {"time", "neuron"} <= set(waveforms.coords):
            raise ComparisonError(
                f"rung {name!r}: waveforms have dimensions {dict(waveforms.sizes)} and coordinates "
                f"{sorted(map(str, waveforms.coords))}; time and neuron are needed in both, and one batch member."
            )
        return cls(
            name=name,
            time=waveforms["time"].to_numpy() / time_unit,
            voltage=waveforms.transpose("time", "neuron").to_numpy() / voltage_unit,
            neurons=tuple(str(neuron) for neuron in waveforms["neuron"].to_numpy()),
            meaning=meaning,
            task_error=task_error,
        )


def compare(
    rungs: Sequence[Rung],
    *,
    window: float,
    step: float,
    threshold: float = 0.0,
    hysteresis: float = HYSTERESIS,
    task_error_name: str = "nrmse",
) -> Ladder:
    """Compare every rung with every later one: neighbours, each with the last, each with the first.

    Of a pair the earlier rung is the reference: its spikes can be missing, its spread normalises the error.

    Args:
        rungs: at least two, from the trained model towards the circuit, with the same neurons in the same order.
        window: largest time difference of two spikes that are the same, in tau_m.
        step: the model's time step in tau_m, by which communication is counted on every rung.
        threshold: the membrane voltage whose upward crossing is a spike, in V0.
        hysteresis: of the spike count, in V0.
        task_error_name: what the task calls its error.

    Raises:
        ComparisonError: for fewer than two rungs, repeated names, other neurons, or spans that do not fit.
    """
    names = [rung.name for rung in rungs]
    if len(rungs) < 2 or len(set(names)) != len(names):
        raise ComparisonError(f"a ladder needs two or more rungs with different names, received {names}.")
    for rung in rungs[1:]:
        if rung.neurons != rungs[0].neurons:
            raise ComparisonError(
                f"rung {rung.name!r} does not have the neurons of rung {names[0]!r} in the same order; "
                "select and sort them by name first."
            )
    crossing = {"threshold": threshold, "hysteresis": hysteresis}
    trains = {rung.name: upward_crossings(rung.time, rung.voltage, **crossing) for rung in rungs}
    doubts = {rung.name: _doubts(rung, trains[rung.name], window, crossing) for rung in rungs}
    return Ladder(
        schema_version=1,
        threshold_v0=float(threshold),
        hysteresis_v0=float(hysteresis),
        window_tau_m=float(window),
        step_tau_m=float(step),
        task_error_name=task_error_name,
        rungs=tuple(_record(rung, trains[rung.name], step=step, **crossing) for rung in rungs),
        comparisons=tuple(
            _compare_pair(reference, candidate, trains, doubts, window)
            for reference, candidate in itertools.combinations(rungs, 2)
        ),
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of `comparison.json`, with the meaning and unit of every field."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Ladder.model_json_schema(mode="serialization"),
    }


def _record(
    rung: Rung, trains: list[Array], *, step: float, threshold: float, hysteresis: float
) -> RungRecord:
    """What is stored of a rung by itself."""
    sent = communication(rung.time, rung.voltage, step=step, threshold=threshold, hysteresis=hysteresis)
    active = computation(rung.time, rung.voltage, threshold=threshold)
    return RungRecord(
        name=rung.name,
        meaning=rung.meaning,
        task_error=None if rung.task_error is None else float(rung.task_error),
        spikes=sum(len(train) for train in trains),
        communication=float(sent.mean()),
        computation=float(active.mean()),
    )


def _doubts(rung: Rung, trains: list[Array], window: float, crossing: dict[str, float]) -> list[Doubt]:
    """How well each neuron's spikes are known."""
    if rung.again is None:
        return [Doubt.none(train) for train in trains]
    again = upward_crossings(rung.time, rung.again, **crossing)
    return [
        spike_doubt(train, other, window=DRIFT * window) for train, other in zip(trains, again, strict=True)
    ]


def _compare_pair(
    reference: Rung,
    candidate: Rung,
    trains: dict[str, list[Array]],
    doubts: dict[str, list[Doubt]],
    window: float,
) -> RungComparison:
    """All neurons of two rungs, over the compared span.

    A spike just before the end of one record has its partner just after the end of the other, so what is left
    alone there is neither missing nor extra. At the start both rungs hold the same state, and every spike counts.
    Nor is what the reference itself does not know: a spike that it has at one tolerance only.
    """
    error = waveform_error(reference.time, reference.voltage, candidate.time, candidate.voltage)
    neurons = []
    for k, neuron in enumerate(reference.neurons):
        first, second = (
            _within(trains[rung.name][k], error.start, error.stop) for rung in (reference, candidate)
        )
        doubt = doubts[reference.name][k]
        sizes = doubt.sizes[_inside(trains[reference.name][k], error.start, error.stop)]
        found = match_in_doubt(first, second, Doubt(sizes=sizes, phantoms=doubt.phantoms), window=window)
        late = found.time_errors
        decided = error.stop - window
        missing = int(np.count_nonzero(found.missing < decided))
        extra = int(np.count_nonzero(found.extra < decided))
        known = sizes[np.isfinite(sizes)]
        neurons.append(
            NeuronComparison(
                neuron=neuron,
                nrmse=float(error.normalised[k]) if np.isfinite(error.normalised[k]) else None,
                rms_v0=float(error.rms[k]),
                reference_spikes=len(late) + missing,
                candidate_spikes=len(late) + extra,
                matched=len(late),
                missing=missing,
                extra=extra,
                undecided=found.undecided + len(found.missing) + len(found.extra) - missing - extra,
                median_time_error_tau_m=float(np.median(late)) if late.size else None,
                max_time_error_tau_m=float(late.max()) if late.size else None,
                reference_doubt_tau_m=None if reference.again is None else float(known.max(initial=0.0)),
            )
        )
    return RungComparison(
        reference=reference.name,
        candidate=candidate.name,
        start_tau_m=error.start,
        stop_tau_m=error.stop,
        neurons=tuple(neurons),
    )


def _inside(train: Array, start: float, stop: float) -> NDArray[np.bool_]:
    return np.asarray((train >= start) & (train <= stop))


def _within(train: Array, start: float, stop: float) -> Array:
    """The spikes of a train inside a span."""
    return train[_inside(train, start, stop)]
