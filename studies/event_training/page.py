"""The page of the event-training study: one table per task, and a verdict, computed from its results."""

import statistics

from excitable.trials import Result
from studies.event_training.run import COPIES, END, JITTER, SHARPNESS, StudyResult
from studies.pages import spread

GOALS = {"yin_yang": 0.975, "digits": 0.95}
"""Mean test accuracy that is asked for."""
TITLES = {"yin_yang": "Yin-Yang", "digits": "Handwritten digits"}


def page(study: StudyResult) -> str:
    """The page below its title."""
    lines = [
        f"QIF neurons with exponential currents, trials of {END:g} tau, exact gradients to weights and initial "
        "voltages. A trial's class is the output neuron that spikes first. Settings were chosen on the validation "
        "split; the test split is measured once per seed, after the last epoch.",
        "",
        f"{softplus_note(SHARPNESS)} So do all numbers on this page.",
        "",
    ]
    for task, results in study.trials.items():
        if results:
            lines += _timing(results) if task == "timing" else _classifier(task, results)
    return "\n".join(lines)


def softplus_note(sharpness: float) -> str:
    """Which softplus drives the pseudospikes, and how it relates to the published one."""
    return (
        f"After a trial a QIF neuron is driven by log(1 + exp(s I))/s, here with s = {sharpness:g}, our choice. "
        "The published softplus_10 can be read in two ways: the public code has alpha log(1 + exp(I/alpha)) with "
        "alpha = 10, which is s = 0.1, and as a sharpness it would be s = 10. The times and gradients of all "
        "pseudospikes depend on s."
    )


def _classifier(task: str, results: tuple[Result, ...]) -> list[str]:
    first = results[0]
    sizes = ", ".join(f"{name} {size}" for name, size in first["samples"].items())
    note = {
        "yin_yang": "The splits are the published ones for every seed; a seed draws weights and the order of trials.",
        "digits": "A seed draws the split too, next to weights and order. The training split holds every sample and "
        f"{COPIES} copies of it whose spike times have noise of {JITTER:g} tau; validation and test samples have no "
        "copies. The noise was chosen on the validation splits of seeds 0 to 2. Splits of different seeds are drawn "
        "from the same 1797 samples and overlap, so one seed's test samples may be among those by which the noise was "
        "chosen, and the spread over seeds is not one over independent test sets.",
    }[task]
    accuracies = [result["accuracy"] for result in results]
    mean, goal = statistics.fmean(accuracies), GOALS[task]
    return [
        f"## {TITLES[task]}",
        "",
        f"Hidden and output neurons: {'-'.join(map(str, first['network']))}. Samples: {sizes}. {note}",
        "",
        "| seed | validation | test | decided inside the trial | silent hidden neurons | spikes per hidden neuron |",
        "|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {result['seed']} | {result['validation']:.4f} | {result['accuracy']:.4f} | {result['decided']:.1%} | "
            f"{result['silent']:.0%} | {result['hidden_spikes']:.2f} |"
            for result in results
        ),
        "",
        f"Mean test accuracy {spread(accuracies, 4)} over {len(results)} seeds; asked are {goal:g}: "
        f"**{'reached' if mean >= goal else 'not reached'}**.",
        "",
    ]


def _timing(results: tuple[Result, ...]) -> list[str]:
    first = results[0]
    return [
        "## Target spike times in a recurrent network",
        "",
        f"{first['neurons']} recurrent neurons, {first['targets']} random target times each, fixed random input. Input "
        "and recurrent weights, delays and initial states are trained; gradients pass through every spike that comes "
        "back.",
        "",
        "| seed | mean squared error before / tau² | after / tau² | mean error / tau | largest error / tau |",
        "|---:|---:|---:|---:|---:|",
        *(
            f"| {result['seed']} | {result['loss'][0]:.3g} | {result['loss'][-1]:.3g} | {result['mean_error']:.2g} | "
            f"{result['largest_error']:.2g} |"
            for result in results
        ),
        "",
    ]
