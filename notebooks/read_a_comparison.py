import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import tempfile
    from pathlib import Path

    import marimo as mo

    return Path, mo, tempfile


@app.cell
def _(mo):
    mo.md(
        r"""
        # How to read a comparison

        A circuit is not its model, and the question is where the difference comes from. So the same network, on the same
        held-out input, is computed in several ways, each one step nearer to silicon: a **ladder**.

        | rung | what it is | what it adds |
        |:---|:---|:---|
        | discrete | the trained model, in steps of dt | nothing |
        | continuous | the same equation, solved tightly | the error of the time step |
        | behavioural | a netlist whose sources state the equation | the simulator's own error |
        | macromodel, transistor | amplifiers | their gain, offset, rails, mismatch |

        A step's error is what the pair of rungs beside it shows. Here a small network, hardly trained, climbs the first three.
        """
    )
    return


@app.cell
def _():
    configuration = """
name = "small"
[task]
sample_step = 1.0
horizon = 20.0
series_samples = 200
warm_up = 60
train_series = 16
validation_series = 4
test_series = 4
held_out_samples = 200
transient = 200.0
[network]
neuron = "mtc"
hidden = 8
dt = 0.2
method = "heun"
[training]
steps = 4
batch = 8
learning_rate = 0.02
evaluate_every = 5
[simulation]
samples = 150
"""
    return (configuration,)


@app.cell
def _(Path, configuration, tempfile):
    from excitable.ladder.rungs import load_waveforms
    from excitable.runs.series import SeriesRun, train_run
    from excitable.runs.stages.series import compare_run, export_run, simulate_run

    with SeriesRun.begun(Path(tempfile.mkdtemp()) / "small", configuration, source="this notebook") as run:
        train_run(run)
        export_run(run)
        waveforms = load_waveforms(simulate_run(run).path)
        ladder = compare_run(run)
    return ladder, waveforms


@app.cell
def _(ladder, mo):
    rows = [
        {
            "from": step.reference,
            "to": step.candidate,
            "largest rms / V0": float(f"{max(neuron.rms_v0 for neuron in step.neurons):.3g}"),
            "spikes": sum(neuron.reference_spikes for neuron in step.neurons),
            "missing or extra": sum(neuron.missing + neuron.extra for neuron in step.neurons),
        }
        for step in ladder.adjacent
    ]
    mo.ui.table(rows, selection=None)
    return (rows,)


@app.cell
def _(mo, rows):
    first, second = (row["largest rms / V0"] for row in rows[:2])
    mo.md(
        f"From the model to its own equation the worst neuron moves by {first:.2g} V0 rms: that is the time step, and a "
        f"smaller dt would remove it. From the equation to the netlist it moves by {second:.2g} V0: the netlist *is* the "
        f"equation, and what remains is ngspice's tolerance. An error that appears only on a later rung belongs to the "
        f"amplifiers, and can be trained away or trimmed."
    )
    return first, second


@app.cell
def _(first, second):
    assert second < first
    return


@app.cell
def _(mo, waveforms):
    from matplotlib.figure import Figure

    from conductance.shaping.figures.palette import colour
    from excitable.report.adaptive import adaptive_svg

    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    looks = (("model", 4.0, "-"), ("equation", 2.0, "-"), ("circuit", 1.2, "--"))  # they lie on each other
    for rung, (role, width, dash) in zip(waveforms, looks, strict=False):
        axes.plot(rung.time, rung.membrane[:, 0], dash, color=colour(role), label=rung.rung, linewidth=width)
    axes.set(xlabel="time / tau_m", ylabel="U_m / V0", title=f"neuron {waveforms[0].neurons[0]}")
    axes.legend(frameon=False, ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    mo.Html(adaptive_svg(figure, title="one neuron's membrane on every rung"))
    return


if __name__ == "__main__":
    app.run()
