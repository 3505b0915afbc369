import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import marimo as mo

    return (mo,)


@app.cell
def _(mo):
    mo.md(
        r"""
        # Shape a neuron by hand

        Drag a handle on an I-V curve: sideways moves the **offset** of its element, up and down its **gain**. Round
        handles are negative conductances, square ones positive. The trace follows at once: the step that runs here was
        printed from the same declaration as every other form of the neuron.

        Try this: open *tonic*, then *bursting*. The second has one element more on the slow curve, which now falls
        somewhere, and one on the ultra-slow curve, which undoes it. Pull the slow round handle up until the slow curve
        only rises: the bursts become single spikes.
        """
    )
    return


@app.cell
def _(mo):
    from excitable.studio.widget import Studio

    studio = Studio()
    shown = mo.ui.anywidget(studio)
    shown
    return shown, studio


@app.cell
def _(mo, shown, studio):
    shown.value  # this cell runs again after every change
    from circuits.data.scaling import Scaling
    from circuits.data.values import CircuitError
    from circuits.networks.single import neuron_circuit
    from conductance import Stimulus

    try:
        circuit = neuron_circuit(studio.neuron, Stimulus.constant(studio.current), scaling=Scaling())
        told = f"Its circuit has {len(circuit.subcircuits[-1].devices)} devices."
    except CircuitError as error:
        told = str(error)
    values = ", ".join(f"{name} = {value:.4g}" for name, value in studio.neuron.defaults.items())
    mo.md(f"In Python, `studio.neuron` is the neuron **{studio.neuron.name}** with {values}. {told}")
    return


if __name__ == "__main__":
    app.run()
