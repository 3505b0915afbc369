"""The page of a search: all trials, a figure, and the best configuration to copy."""

from collections.abc import Sequence
from html import escape
from io import StringIO

from excitable.search.trials import SearchPlan, Trial, best_of, configured

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem .7rem;text-align:right}
tr.best{font-weight:bold}pre{overflow:auto;padding:1rem;border:1px solid #8886}svg{max-width:100%;height:auto}"""


def search_page(plan: SearchPlan, found: Sequence[Trial], name: str) -> str:
    """The page as one HTML text that loads nothing."""
    best = best_of(found)
    keys = [each.key for each in plan.dimensions]
    head = "".join(
        f"<th>{escape(title)}</th>" for title in ("trial", *keys, "validation error", "test error")
    )
    rows = "".join(
        f'<tr class="{"best" if one is best else ""}">'
        + "".join(
            f"<td>{escape(cell)}</td>"
            for cell in (
                str(one.number), *(_shown(one.parameters[key]) for key in keys), _shown(one.validation),
                _shown(one.test),
            )
        )
        + "</tr>"
        for one in sorted(found, key=lambda one: one.validation)
    )  # fmt: skip
    configuration = configured(plan, best.parameters, f"{name}-best")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(name)}: search</title>'
        f"<style>{STYLE}</style><h1>{escape(name)}: {len(found)} trials</h1>"
        f"<p>The lowest validation error is {best.validation:.4g}, of trial {best.number}; its test error is "
        f"{best.test:.4g}. The best of many trials looks better on the validation split than it is.</p>"
        f"{figure(plan, found)}<h2>The best configuration</h2><pre>{escape(configuration)}</pre>"
        f"<h2>All trials</h2><table><tr>{head}</tr>{rows}</table></html>\n"
    )


def figure(plan: SearchPlan, found: Sequence[Trial]) -> str:
    """The validation error over each key, as SVG; darker points were tried later."""
    from matplotlib.figure import Figure

    keys = plan.dimensions
    drawn = Figure(figsize=(3.2 * len(keys), 3.0), layout="constrained")
    panels = drawn.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    for panel, each in zip(panels, keys, strict=True):
        values = [one.parameters[each.key] for one in found]
        panel.scatter(
            values, [one.validation for one in found], c=[one.number for one in found], cmap="Blues", vmin=-9
        )
        panel.set_xlabel(each.key)
        if each.logarithmic:
            panel.set_xscale("log")
    panels[0].set_ylabel("validation error")
    text = StringIO()
    drawn.savefig(text, format="svg")
    return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
