import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import tempfile
    from pathlib import Path

    import marimo as mo

    folder = Path(tempfile.mkdtemp())
    return folder, mo


@app.cell
def _(mo):
    mo.md(
        r"""
        # Classify sequences

        A file in which one column tells the sequences apart and one names their class, through training to the decisions of
        the circuit. The sequences here are 300 of scikit-learn's handwritten digits, three kinds, read row by row;
        `excitable dataset` names others, and a folder with a file for each sequence does as well.
        """
    )
    return


@app.cell
def _(folder, mo):
    from conductance.tasks.published import write_dataset

    path = write_dataset("digits", folder)
    head, *rows = path.read_text().splitlines()
    chosen = [row for row in rows if row.split(",")[1] in "017"][: 300 * 8]
    path.write_text("\n".join([head, *chosen]) + "\n")
    mo.plain_text("\n".join([head, *chosen[:3], "..."]))
    return (path,)


@app.cell
def _(mo, path):
    configuration = f"""
name = "digits"
[task]
name = "table"
path = "{path}"
sequence = "sequence"
label = "label"
inputs = ["x1", "x2", "x3", "x4", "x5", "x6"]
steps_per_sample = 4   # each row of pixels is held for four steps
decision = "mean"      # the class of the largest mean output
[network]
hidden = 16
dt = 0.5
low_pass_tau = 0.5
rates = [0.01, 0.2]
values = {{tau_s = [2, 6], tau_us = [10, 30]}}
[training]
steps = 200
batch = 32
learning_rate = 0.05
class_weights = "balanced"
[simulation]
samples = 30
"""
    mo.md(f"```toml\n{configuration.strip()}\n```")
    return (configuration,)


@app.cell
def _(configuration, folder, mo):
    from excitable.runs.series import SeriesRun, train_run

    with SeriesRun.begun(folder / "run", configuration, source="this notebook") as run:
        trained = train_run(run)
    score, classes = trained.score, run.data.classes
    table = "\n".join(
        f"| **{name}** | " + " | ".join(str(count) for count in counts) + " |"
        for name, counts in zip(classes, score.confusion, strict=True)
    )
    mo.md(
        f"Accuracy on the test split **{score.accuracy:.3f}**, calibration error {score.calibration:.3f}. Rows are what a "
        f"digit is, columns what it is taken for:\n\n| | {' | '.join(classes)} |\n|---|"
        + "---|" * len(classes)
        + f"\n{table}"
    )
    return run, score


@app.cell
def _(score):
    assert score.accuracy > 0.8
    return


@app.cell
def _(mo, run):
    from excitable.runs.stages.decisions import decide_run, decisions_text
    from excitable.runs.stages.series import export_run

    (bench,) = export_run(run)
    decisions = decide_run(run, sequences=6)
    mo.md(
        f"The netlist: `{bench.name}`. What the circuit decides for six digits of the test split: {decisions_text(decisions)}"
    )
    return (decisions,)


@app.cell
def _(decisions):
    assert sum(one.circuit == one.model for one in decisions) >= 5
    return


if __name__ == "__main__":
    app.run()
