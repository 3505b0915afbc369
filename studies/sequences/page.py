"""The page of the real sequences: tables, figure and verdicts, all computed from the results."""

import statistics

from matplotlib.figure import Figure

from conductance.tasks.published import DATASETS
from studies.pages import CONFIDENCE, listed, mean_interval, search_section, share_interval, table
from studies.sequences.models import GRU, LOW_PASS_TAU, MODELS
from studies.sequences.run import FINAL_SHARE, PROBLEMS, chosen_settings
from studies.sequences.study import Found, built_model

ALLOWED = {"basic_motions": 1 / 40, "japanese_vowels": 0.02}
"""Share of the circuit's decisions that may be other than the model's, as was asked for."""


def page(found: Found) -> str:
    """The page below its title."""
    budget = found.budget
    lines = [
        "Each sequence is standardised by the train split, its samples are held, and it is classified by the mean of "
        "the filtered readout over its samples; training makes the cross-entropy of that small by Adam with cosine "
        f"annealing, {budget.batch} sequences an update (all where there are fewer), for the GRU by the same batches, "
        "clipping and schedule.",
        "",
        *(
            f"- `{name}`: {model.meaning}; dt {model.dt:g} tau_m, a sample lasts {listed(model.steps.values())} steps."
            for name, model in MODELS.items()
            if name in budget.models
        ),
        f"- `{GRU}`: a GRU layer on the samples themselves and a linear readout.",
        "",
        "Each spiking network is as wide as gives it the GRU's number of trained parameters; weights and numbers that "
        f"stay as drawn are not counted. The filter is of order 4 with {LOW_PASS_TAU:g} tau_m a section.",
        "",
        "**Search**, the same for all: learning rates "
        f"{listed(budget.learning_rates)} by factors {listed(budget.gains)} on the input weights as drawn, "
        f"trained once a seed, of which the search has {budget.search_seeds}, and measured on {budget.share:.0%} of "
        "the train split that training leaves out; the lowest cross-entropy is taken. Test takes no part in it. "
        "**Then** "
        f"{budget.seeds} other seeds, trained on all but {FINAL_SHARE:.0%} of train and one sequence, keep the weights "
        "of their last update and are measured on test once. Seeds draw weights, batches and what is left out.",
        "",
        f"Intervals of {CONFIDENCE:.0%}: of the mean over seeds by Student's t; of one network (the first seed's) by "
        "Wilson's score, for how few sequences there are. Widths, steps, spreads and the grid are our choice. One "
        "thread of a shared machine's core; seconds are processor time of a training.",
        "",
        "![Share of right decisions](sequences.png)",
        "",
    ]
    for problem in PROBLEMS:
        lines += [f"## {problem}: {DATASETS[problem].meaning}", ""]
        lines += [f"{budget.steps[problem]} updates.", "", *_comparison(found, problem), ""]
        lines += [verdict(found, problem), "", *_circuits(found, problem), ""]
    lines += [
        *search_section(_settings(found)),
    ]
    return "\n".join(lines)


def _shares(found: Found, problem: str, model: str) -> list[float]:
    return [
        one["right"] / one["of"] for one in found.final if (one["problem"], one["model"]) == (problem, model)
    ]


def _comparison(found: Found, problem: str) -> list[str]:
    rows = []
    for model in found.budget.models:
        own = [one for one in found.final if (one["problem"], one["model"]) == (problem, model)]
        low, high = mean_interval([one["right"] / one["of"] for one in own])
        first = own[0]
        least, most = share_interval(first["right"], first["of"])
        mean = 100 * statistics.mean(one["right"] / one["of"] for one in own)
        spikes = [one["spikes"] for one in own if one["spikes"] is not None]
        each = [one["spikes_per_decision"] for one in own if one["spikes_per_decision"] is not None]
        rows.append(
            (
                model, first["width"], first["parameters"], len(own),
                f"{mean:.1f} ({100 * low:.1f} to {min(100 * high, 100):.1f})",
                f"{first['right']} of {first['of']} ({100 * least:.1f} to {100 * most:.1f})",
                f"{statistics.mean(spikes):.4f}" if spikes else "-", f"{statistics.mean(each):.0f}" if each else "-",
                f"{statistics.mean(one['seconds'] for one in own):.1f}",
            )
        )  # fmt: skip
    head = (
        "network", "width", "trained parameters", "seeds", "right / % (interval of the mean)",
        "first seed (Wilson, %)", "spikes per neuron and step", "spikes per decision", "seconds",
    )  # fmt: skip
    return table(head, rows, numbers=True)


def verdict(found: Found, problem: str) -> str:
    """Whether the best spiking network lies in the GRU's interval or above it."""
    means = {
        model: statistics.mean(_shares(found, problem, model))
        for model in found.budget.models
        if model != GRU
    }
    best = max(means, key=lambda model: means[model])
    low, high = mean_interval(_shares(found, problem, GRU))
    where = "above" if means[best] > high else "within" if means[best] >= low else "below"
    ok = "**holds**" if where != "below" else "**fails**"
    mtc = {model: mean for model, mean in means.items() if MODELS[model].recipe.neuron.name == "mtc"}
    own = max(mtc, key=lambda model: mtc[model])
    place = "above" if mtc[own] > high else "within" if mtc[own] >= low else "below"
    return (
        f"That the best spiking network is within the GRU's interval ({100 * low:.1f} to {100 * high:.1f} %) or above "
        f"it {ok}: {best} has {100 * means[best]:.1f} %, {where} it. Of the MTC networks {own} has "
        f"{100 * mtc[own]:.1f} %, {place} it."
    )


def _circuits(found: Found, problem: str) -> list[str]:
    own = [one for one in found.circuits if one["problem"] == problem]
    if not own:
        return ["Its circuit was not simulated within this budget."]
    model, _ = built_model(found.search, problem)
    rows, words = [], []
    for level in dict.fromkeys(one["level"] for one in own):
        chunks = [one for one in own if one["level"] == level]
        decisions = [each for one in chunks for each in one["decisions"]]
        other = sum(each["model"] != each["circuit"] for each in decisions)
        right = {who: sum(each[who] == each["label"] for each in decisions) for who in ("model", "circuit")}
        distances = sorted(each["distance"] for each in decisions)
        least, most = share_interval(other, len(decisions))
        rows.append(
            (
                level, ", ".join(sorted({one["simulator"] for one in chunks})), len(decisions), right["model"],
                right["circuit"], other, f"{100 * least:.1f} to {100 * most:.1f}",
                f"{statistics.median(distances):.3f}, {distances[-1]:.3f}",
                f"{sum(one['seconds'] for one in chunks) / len(decisions):.1f}",
            )
        )  # fmt: skip
        if level == "behavioural":
            share = other / len(decisions)
            ok = "**holds**" if share <= ALLOWED[problem] + 1e-12 else "**fails**"
            words.append(
                f"That the behavioural circuit decides otherwise in at most {100 * ALLOWED[problem]:g} % of the "
                f"sequences {ok}: {other} of {len(decisions)}."
            )
    head = (
        "level", "simulator", "sequences", "model right", "circuit right", "decided otherwise",
        "share of these / % (Wilson)", "distance of evidence, median and largest", "seconds a sequence",
    )  # fmt: skip
    technology = ", ".join(sorted({one["technology"] for one in own if one["level"] == "transistor"}))
    of_made = (
        f" Transistors are of {technology}, calibrated by DC sweeps and not retrained." if technology else ""
    )
    return [
        f"### The circuit of {model}",
        "",
        f"LIF, AdLIF and QIF neurons of a time grid spike for one step, which a circuit in continuous time does not "
        f"know, so the circuit is one of MTC, of neurons that are not coupled and whose netlist comes apart; it "
        f"is the first seed's. Each sequence is simulated alone; where not all are, they lie evenly in test, which is "
        f"sorted by class.{of_made} The distance is the largest difference of evidence between model and circuit, "
        f"over the spread of the model's; seconds are of wall-clock time on a machine that did other things.",
        "",
        *table(head, rows, numbers=True),
        "",
        *words,
    ]


def _settings(found: Found) -> list[str]:
    budget = found.budget
    rows = []
    for (problem, model), (rate, gain) in chosen_settings(found.search).items():
        at = {"learning rate": (rate, budget.learning_rates), "factor": (gain, budget.gains)}
        edges = ", ".join(name for name, (value, grid) in at.items() if value in (grid[0], grid[-1])) or "no"
        rows.append((problem, model, f"{rate:g}", f"{gain:g}", edges))
    return table(
        ("data", "network", "learning rate", "factor on input weights", "on the edge of the grid"), rows
    )


def figure(found: Found) -> Figure:
    """Every seed as a point, and the interval of the GRU."""
    picture = Figure(figsize=(9, 3.2), layout="constrained")
    for place, problem in enumerate(PROBLEMS):
        axes = picture.add_subplot(1, len(PROBLEMS), place + 1)
        low, high = mean_interval(_shares(found, problem, GRU))
        axes.axvspan(100 * low, 100 * high, color="0.85")
        for row, model in enumerate(found.budget.models):
            shares = [100 * share for share in _shares(found, problem, model)]
            axes.plot(shares, [row] * len(shares), "o", alpha=0.6)
        axes.set_yticks(range(len(found.budget.models)), found.budget.models)
        axes.invert_yaxis()
        axes.set_xlabel("right / % of test (grey: the GRU's interval)")
        axes.set_title(problem)
    return picture
