import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import tempfile
    from pathlib import Path

    import marimo as mo
    import numpy as np

    folder = Path(tempfile.mkdtemp())
    return folder, mo, np


@app.cell
def _(mo):
    mo.md(
        r"""
        # R peaks of an ECG, in real time

        Five minutes of a real ECG at 1000 Hz go from a file to a circuit whose time constants are those of the recording.
        The network answers with a bump 60 ms after each R peak: a detector in real time has seen the peak before it speaks.
        The peaks are those that the recording's own program has marked. [The numbers of five seeds, of other neurons and of
        transistors](../docs/ecg.md) stand in the documentation; here is the way.
        """
    )
    return


@app.cell
def _(folder, mo, np):
    from conductance.tasks import TaskError
    from conductance.tasks.published import write_dataset

    try:
        time, ecg, bump = np.loadtxt(write_dataset("ecg", folder), delimiter=",", skiprows=1).T
        said = "The recording, 300 s, taken out of its package by pip."
    except TaskError as _error:
        # bumps of a heart that never was, so that the lesson can be read without a network
        time = np.arange(0, 120, 1e-3)
        beats = np.cumsum(0.8 + 0.1 * np.random.default_rng(0).standard_normal(200))
        bump = sum(np.exp(-0.5 * ((time - beat) / 0.02) ** 2) for beat in beats[beats < 120])
        ecg = (
            0.07 * bump**4
            + 0.02 * np.roll(bump, 250)
            + 0.005 * np.random.default_rng(1).standard_normal(time.size)
        )
        said = f"**No recording here** ({_error}) These are artificial beats, which say nothing of real ones."
    late = 60
    wanted = np.concatenate([np.zeros(late), bump[:-late]])
    path = folder / "marked.csv"
    rows = [f"{t:.3f},{v:.5f},{b:.4f}" for t, v, b in zip(time, ecg, wanted, strict=True)]
    path.write_text("\n".join(["t,ecg,peak", *rows]) + "\n")
    mo.md(said)
    return (path,)


@app.cell
def _(mo, path):
    configuration = f"""
name = "ecg"
[task]
name = "table"
path = "{path}"
time = "t"
inputs = ["ecg"]
targets = ["peak"]
model_step = 0.01      # s: ten samples of the recording, averaged
between = "mean"
window = 500
warm_up = 100
[network]
hidden = 8
dt = 0.5               # one step is 0.5 tau_m, so tau_m = 20 ms
low_pass_tau = 0.5
rates = [0.005, 0.3]
values = {{tau_s = [2, 6], tau_us = [8, 17]}}
[training]
steps = 150
batch = 12
readout = "both"
[circuit]
current_unit = "20 pA"
[simulation]
samples = 600          # 6 s
"""
    mo.md(f"```toml\n{configuration.strip()}\n```")
    return (configuration,)


@app.cell
def _(configuration, folder, mo):
    from excitable.runs.series import SeriesRun, train_run

    with SeriesRun.begun(folder / "run", configuration, source="this notebook") as run:
        trained = train_run(run)
    others = ", ".join(f"{name} {error:.3f}" for name, error in trained.baselines.items())
    mo.md(
        f"**Test nrmse {trained.result.test.error:.3f}** ({others}).\n\n"
        + "\n".join(f"- {remark}" for remark in trained.remarks)
    )
    return run, trained


@app.cell
def _(run, trained):
    assert trained.result.test.error < trained.baselines["linear, 24 samples"]
    assert abs(run.built.circuit.scaling().time_unit - 0.02) < 1e-9
    return


@app.cell
def _(run):
    from excitable.runs.stages.series import compare_run, export_run, simulate_run

    export_run(run)
    simulate_run(run)
    ladder = compare_run(run)
    return (ladder,)


@app.cell
def _(ladder, mo):
    from excitable.report.verdict import verdict

    mo.md("\n\n".join(verdict(ladder)))
    return


@app.cell
def _(np, run):
    import matplotlib.pyplot as plt

    from excitable.ladder.rungs import load_waveforms
    from excitable.runs.folder import WAVEFORMS

    rungs = {rung.rung: rung for rung in load_waveforms(run.path / WAVEFORMS)}
    held, seconds = run.data.held_out, 0.01 * np.arange(600)
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 4.5), sharex=True, layout="constrained")
    above.plot(seconds, held.inputs[:600, 0, 0], color="black", linewidth=0.9)
    above.set(ylabel="ECG, standardised")
    below.plot(seconds, held.targets[:600, 0, 0], color="0.6", linewidth=3, label="wanted")
    below.plot(seconds, rungs["discrete"].prediction(0.5, 600)[:, 0], label="model")
    below.plot(
        seconds, rungs["behavioural"].prediction(0.5, 600)[:, 0], "--", color="black", lw=0.9, label="circuit"
    )
    below.set(xlabel="time of the recording and of the circuit / s", ylabel="output, standardised")
    below.legend(ncols=3, loc="upper right")
    figure
    return


@app.cell
def _(mo, run):
    from excitable.report.costs import engineering
    from excitable.runs.energy import energy_run

    spent = energy_run(run, level="macromodel", samples=200)
    mo.md(
        f"Amplifiers as macromodels take {engineering(spent.power, 'J')} per second and "
        f"{engineering(spent.per_inference, 'J')} per decision, of which there is one every 10 ms. "
        "`excitable energy RUN` asks the transistors."
    )
    return (spent,)


@app.cell
def _(spent):
    assert abs(spent.duration - 2.0) < 0.02 and spent.power > 0
    return


if __name__ == "__main__":
    app.run()
