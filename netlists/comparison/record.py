"""What a comparison leaves behind: the content of `comparison.json`, checked when built and when read.

Every number is finite. `null` stands only where a field's description says what it means.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from netlists.comparison.crossings import ComparisonError

Count = Annotated[int, Field(ge=0)]
Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Record(BaseModel):
    """Frozen, without unknown keys, and without conversion of one type to another."""

    # a field with a default is in every new file; files from before may lack it
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, json_schema_serialization_defaults_required=True
    )


class NeuronComparison(_Record):
    """One neuron on two rungs."""

    neuron: str = Field(description="Name of the neuron.")
    nrmse: Size | None = Field(
        description="rms difference over the reference's standard deviation; null: the reference does not move."
    )
    rms_v0: Size = Field(description="rms difference of the membrane voltage over time, in V0.")
    reference_spikes: Count = Field(description="Upward crossings on the reference, without undecided ones.")
    candidate_spikes: Count = Field(description="Upward crossings on the candidate, without undecided ones.")
    matched: Count = Field(description="Spikes paired one-to-one inside the window.")
    missing: Count = Field(description="Spikes of the reference without a partner.")
    extra: Count = Field(description="Spikes of the candidate without a partner.")
    undecided: Count = Field(
        description="Spikes without a partner, in no other count: within one window of the end, where the partner may "
        "lie beyond the record, or of which the reference itself is not certain."
    )
    median_time_error_tau_m: Size | None = Field(
        description="Median |time difference| of the pairs, in tau_m; null: no pairs."
    )
    max_time_error_tau_m: Size | None = Field(
        description="Largest |time difference| of the pairs, in tau_m; null: no pairs."
    )
    reference_doubt_tau_m: Size | None = Field(
        default=None,
        description="By how much the reference's own spikes differ between two tolerances, in tau_m, at most; time "
        "errors count beyond that of each spike; null: the reference was computed once.",
    )

    @model_validator(mode="after")
    def _spikes_add_up(self) -> Self:
        counts = (self.matched + self.missing, self.matched + self.extra)
        if counts != (self.reference_spikes, self.candidate_spikes):
            raise ValueError(
                f"neuron {self.neuron!r}: matched, missing and extra do not add up to the spikes"
            )
        times = (self.median_time_error_tau_m, self.max_time_error_tau_m)
        if any((time is None) != (self.matched == 0) for time in times):
            raise ValueError(
                f"neuron {self.neuron!r}: time errors are null if and only if nothing is matched"
            )
        return self


class RungComparison(_Record):
    """All neurons on two rungs. The reference is the earlier rung, nearer to the trained model."""

    reference: str = Field(description="Name of the earlier rung.")
    candidate: str = Field(description="Name of the later rung.")
    start_tau_m: Number = Field(description="Start of the compared span, in tau_m.")
    stop_tau_m: Number = Field(description="End of the compared span, in tau_m.")
    neurons: tuple[NeuronComparison, ...] = Field(min_length=1, description="One entry per neuron.")

    @property
    def worst_rms_v0(self) -> float:
        """Largest rms difference of any neuron, in V0."""
        return max(neuron.rms_v0 for neuron in self.neurons)

    @property
    def matched(self) -> int:
        """Paired spikes of all neurons."""
        return sum(neuron.matched for neuron in self.neurons)

    @property
    def missing(self) -> int:
        """Missing spikes of all neurons."""
        return sum(neuron.missing for neuron in self.neurons)

    @property
    def extra(self) -> int:
        """Extra spikes of all neurons."""
        return sum(neuron.extra for neuron in self.neurons)

    @property
    def worst_median_time_error_tau_m(self) -> float | None:
        """Largest median |time error| of any neuron, in tau_m; None where no neuron has a pair."""
        return max(
            (n.median_time_error_tau_m for n in self.neurons if n.median_time_error_tau_m is not None),
            default=None,
        )


class RungRecord(_Record):
    """One rung by itself."""

    name: str = Field(description="Name of the rung.")
    meaning: str = Field(description="What the rung computes, in a sentence.")
    task_error: Size | None = Field(
        description="The task's error of this rung's own output; null: this rung has no output of its own."
    )
    spikes: Count = Field(description="Upward crossings of all neurons over the whole record of the rung.")
    communication: Size = Field(description="Spikes per neuron and model step.")
    computation: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Share of time above threshold, mean over neurons (duty cycle)."
    )


class NoisyNeuron(_Record):
    """One neuron of the model under its circuit's white noise, against itself without noise, over all realisations."""

    neuron: str = Field(description="Name of the neuron.")
    spikes: Count = Field(description="Upward crossings without noise.")
    matched: Count = Field(
        description="Those of all realisations that have a partner inside the window of the ladder."
    )
    lost: Count = Field(description="Spikes without noise that have no partner, summed over realisations.")
    false: Count = Field(description="Spikes under noise that have no partner, summed over realisations.")
    jitter_tau_m: Size | None = Field(
        description="rms time difference of the pairs, in tau_m; null: no pairs."
    )
    signal_to_noise_db: Number | None = Field(
        description="Variance of the membrane voltage over time without noise, over the mean squared difference that "
        "noise makes, in dB; null: it does not move, or noise does not move it."
    )

    @model_validator(mode="after")
    def _pairs_have_times(self) -> Self:
        if (self.jitter_tau_m is None) != (self.matched == 0):
            raise ValueError(f"neuron {self.neuron!r}: jitter is null if and only if nothing is matched")
        return self


class NoiseLine(_Record):
    """The trained model with the white noise of its circuit's transistors, and without."""

    power: Size = Field(description="q/(C V0) of the circuit: what the power of all its noise grows with.")
    realisations: Annotated[int, Field(ge=2)] = Field(description="How often the noise was drawn.")
    silent: Size = Field(description="The task's error without noise.")
    mean: Size = Field(description="Mean of the task's error over the realisations.")
    lower: Number = Field(description="Lower end of the 95 % interval of that mean.")
    upper: Number = Field(description="Its upper end.")
    largest: Size = Field(description="Largest error of a realisation.")
    signal_to_noise_db: Number | None = Field(
        default=None,
        description="Variance of the network's output over time without noise, over the mean squared difference that "
        "noise makes, in dB; null: it does not move, or noise does not move it.",
    )
    neurons: tuple[NoisyNeuron, ...] = Field(default=(), description="One entry per neuron.")


class GroupingLine(_Record):
    """The trained model with the few bias currents and references that its neurons share, and before they did."""

    currents: Annotated[int, Field(ge=0)] = Field(description="Different bias currents of all neurons.")
    references: Annotated[int, Field(ge=0)] = Field(
        description="Different reference voltages of all neurons."
    )
    before: Size = Field(description="The task's error with a value of its own for every neuron.")
    after: Size = Field(description="The task's error with the shared values.")


class Ladder(_Record):
    """The whole comparison: rungs in order, from the trained model to the circuit, and every pair of them."""

    schema_version: Literal[1] = Field(
        description="Goes up when a reader of the old schema would misread the file."
    )
    threshold_v0: Number = Field(description="U_th: an upward crossing of it is a spike, in V0.")
    hysteresis_v0: Size = Field(
        description="A crossing counts only from this far below U_th to this far above it, in V0."
    )
    window_tau_m: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        description="Largest time difference of two spikes that are paired, in tau_m."
    )
    step_tau_m: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        description="Time step of the discrete model, in tau_m."
    )
    task_error_name: str = Field(description="Name of the task's error.")
    rungs: tuple[RungRecord, ...] = Field(min_length=2, description="From the trained model to the circuit.")
    comparisons: tuple[RungComparison, ...] = Field(
        description="Every pair of an earlier rung (reference) and a later one (candidate), in rung order."
    )
    noise: NoiseLine | None = Field(
        default=None,
        description="What noise does to the trained model; null: its neurons are not built of amplifiers.",
    )
    grouping: GroupingLine | None = Field(
        default=None,
        description="What shared bias currents and references did to the model; null: every neuron has its own.",
    )

    @model_validator(mode="after")
    def _pairs_are_complete(self) -> Self:
        names = [rung.name for rung in self.rungs]
        if len(set(names)) != len(names):
            raise ValueError(f"rung names repeat: {names}")
        pairs = [(comparison.reference, comparison.candidate) for comparison in self.comparisons]
        if pairs != list(itertools.combinations(names, 2)):
            raise ValueError(f"comparisons are {pairs}, but the rungs {names} need every pair in order")
        neurons = {tuple(neuron.neuron for neuron in comparison.neurons) for comparison in self.comparisons}
        if len(neurons) != 1:
            raise ValueError("comparisons differ in their neurons")
        return self

    @property
    def adjacent(self) -> tuple[RungComparison, ...]:
        """Each rung with the next: what each step costs."""
        names = [rung.name for rung in self.rungs]
        return tuple(self.between(*pair) for pair in itertools.pairwise(names))

    @property
    def to_top(self) -> tuple[RungComparison, ...]:
        """Each rung with the last, the one nearest to silicon."""
        return tuple(self.between(rung.name, self.rungs[-1].name) for rung in self.rungs[:-1])

    def between(self, reference: str, candidate: str) -> RungComparison:
        """The comparison of two rungs by name, the earlier one first."""
        for comparison in self.comparisons:
            if (comparison.reference, comparison.candidate) == (reference, candidate):
                return comparison
        names = [rung.name for rung in self.rungs]
        raise ComparisonError(
            f"no comparison of {reference!r} with {candidate!r}; rungs are {names}, the earlier is the reference."
        )

    def of(self, names: Collection[str]) -> Self:
        """The same ladder with only these rungs."""
        return self.model_copy(
            update={
                "rungs": tuple(rung for rung in self.rungs if rung.name in names),
                "comparisons": tuple(
                    pair for pair in self.comparisons if {pair.reference, pair.candidate} <= set(names)
                ),
            }
        )

    def task_error_change(self, reference: str, candidate: str) -> float | None:
        """Task error of the candidate relative to the reference's, minus 1; None where either has none or 0."""
        errors = {rung.name: rung.task_error for rung in self.rungs}
        faulty = [name for name in (reference, candidate) if name not in errors]
        if faulty:
            raise ComparisonError(f"no rung {faulty[0]!r}; rungs are {list(errors)}.")
        before, after = errors[reference], errors[candidate]
        return None if not before or after is None else after / before - 1

    def to_json(self) -> str:
        """The text of `comparison.json`."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read `comparison.json`; a `ComparisonError` lists every fault with its key."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors()
            ]
            raise ComparisonError("comparison.json cannot be read: " + "; ".join(faults) + ".") from None
