"""`excitable decide`: what the circuit of a classifier decides on the test split."""

from typing import Annotated

import typer

from excitable.cli.export import TRUST


def decide(
    run: Annotated[
        str, typer.Argument(help="A trained run of a classification: its name in runs/, or its folder.")
    ],
    level: Annotated[
        str, typer.Option("--level", help="behavioural, mixed, macromodel or transistor.")
    ] = "behavioural",
    sequences: Annotated[
        int | None,
        typer.Option("--sequences", min=1, help="How many of the test split; all where not given."),
    ] = None,
    trust: TRUST = False,
) -> None:
    """Simulate the circuit on the test split, and count its decisions that are other than the model's."""
    from excitable.cli.console import messages, results
    from excitable.cli.progress import WorkProgress
    from excitable.runs.kinds import on_series
    from excitable.runs.stages.decisions import decide_run, decisions_text
    from excitable.runs.stages.series import chosen_levels

    folder = on_series("decide", run, trust=trust)
    (chosen,) = chosen_levels(folder, [level])
    with folder.locked(), WorkProgress(messages()) as progress:
        found = decide_run(
            folder, chosen, sequences=sequences,
            progress=lambda done, total: progress.report(f"{chosen} decisions", done, total),
        )  # fmt: skip
    results().print(decisions_text(found))
