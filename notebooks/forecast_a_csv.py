import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import tempfile
    from pathlib import Path

    import marimo as mo

    folder = Path(tempfile.mkdtemp())
    return Path, folder, mo


@app.cell
def _(mo):
    mo.md(
        r"""
        # Forecast a CSV file

        From a file with a column of time and a column of values to a netlist that ngspice has simulated, and to the reading
        of the comparison. The file here is one that excitable writes by itself, a chaotic series; put the path of yours in
        its place.
        """
    )
    return


@app.cell
def _(folder, mo):
    from conductance.tasks.published import write_dataset

    path = write_dataset("mackey_glass", folder)
    mo.plain_text("\n".join([*path.read_text().splitlines()[:4], "..."]))
    return (path,)


@app.cell
def _(mo, path):
    configuration = f"""
name = "series"
[task]
name = "table"
path = "{path}"
time = "t"            # seconds: they fix the circuit's time
horizon = 0.02        # s ahead; without targets the inputs themselves are forecast
window = 400
warm_up = 100
[network]
hidden = 16
dt = 0.5
low_pass_tau = 0.5
rates = [0.003, 0.1]  # the weights are scaled until neurons fire this often per step
[training]
steps = 60
batch = 5
readout = "both"      # the linear readout is solved at the start and at the end
[circuit]
current_unit = "10 pA"
[simulation]
samples = 300
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
        f"**Test nrmse {trained.result.test.error:.3f}** ({others}). What training says of the data's time:\n\n"
        + "\n".join(f"- {remark}" for remark in trained.remarks)
    )
    return run, trained


@app.cell
def _(trained):
    assert trained.result.test.error < trained.baselines["linear, 24 samples"]
    return


@app.cell
def _(mo, run):
    from excitable.runs.stages.series import compare_run, export_run, simulate_run

    (bench,) = export_run(run)
    simulate_run(run)
    ladder = compare_run(run)
    mo.md(
        f"The netlist and its bench lie in `{bench.parent.name}/`; by hand: `ngspice {bench.name}`. Simulated on data "
        "that training has not seen:"
    )
    return bench, ladder


@app.cell
def _(ladder, mo):
    from excitable.report.verdict import verdict

    mo.md("\n\n".join(verdict(ladder)))
    return


@app.cell
def _(ladder):
    model, circuit = ladder.rungs[0], ladder.rungs[-1]
    assert abs(circuit.task_error / model.task_error - 1) < 0.1
    return


@app.cell
def _(run):
    import matplotlib.pyplot as plt

    from excitable.ladder.rungs import load_waveforms
    from excitable.runs.folder import WAVEFORMS

    rungs = {rung.rung: rung for rung in load_waveforms(run.path / WAVEFORMS)}
    held = run.data.held_out
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    axes.plot(held.targets[:300, 0, 0], color="0.6", linewidth=3, label="what came true")
    axes.plot(rungs["discrete"].prediction(0.5, 300)[:, 0], label="model")
    axes.plot(
        rungs["behavioural"].prediction(0.5, 300)[:, 0], "--", color="black", linewidth=0.9, label="circuit"
    )
    axes.set(xlabel="sample (1 ms)", ylabel="x, 20 ms ahead, standardised")
    axes.legend(ncols=3)
    figure
    return


if __name__ == "__main__":
    app.run()
