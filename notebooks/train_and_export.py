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
        # From a trained network to a netlist

        A small network of MTC neurons learns to predict a chaotic series. What is trained are weights, gains and offsets;
        in the circuit each of them is a transconductance, a bias current or a reference voltage. So the export needs no
        search: it writes the numbers down.

        This lesson takes eight neurons and a few updates, so that it runs in a minute. It does not predict well;
        `make demo` does.
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
steps = 30
batch = 8
learning_rate = 0.02
evaluate_every = 5
[simulation]
samples = 150
"""
    return (configuration,)


@app.cell
def _(Path, configuration, tempfile):
    from excitable.runs.series import SeriesRun, train_run

    folder = Path(tempfile.mkdtemp()) / "small"
    records = []
    with SeriesRun.begun(folder, configuration, source="this notebook") as run:
        trained = train_run(run, report=records.append)
    return folder, records, run, trained


@app.cell
def _(mo, run):
    network = run.network()
    mo.md(
        "The network, as its declaration and its sizes: "
        + ", ".join(f"**{name}** ({type(layer).__name__})" for name, layer in network.chain.items())
        + ". Every number of it lies in `model.safetensors`, its structure in `model.json`; nothing is pickled."
    )
    return (network,)


@app.cell
def _(mo, network):
    gains = {name: column.detach() for name, column in network.chain["hidden"].values().items()}
    mo.ui.table(
        [
            {"neuron": index, **{name: round(float(column[index]), 3) for name, column in gains.items()}}
            for index in range(8)
        ],
        selection=None,
    )
    return


@app.cell
def _(mo, run):
    from excitable.runs.stages.series import export_run

    benches = export_run(run)
    first = benches[0] if isinstance(benches, list | tuple) else benches
    listing = sorted(path.name for path in first.parent.iterdir())
    library = next(path for path in first.parent.iterdir() if path.suffix == ".lib").read_text()
    told = f"The netlist: {', '.join(listing)}. The bench runs by hand with `ngspice {first.name}`. The library begins:"
    mo.vstack([mo.md(told), mo.plain_text("\n".join(library.splitlines()[:60]))])
    return (library,)


@app.cell
def _(library):
    # the neuron of the library is the declaration's: its tanh elements are sources that state the equation
    assert "tanh" in library and ".subckt" in library
    return


if __name__ == "__main__":
    app.run()
