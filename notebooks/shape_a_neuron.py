import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo

    from conductance import PRESETS, Stimulus, classify, mtc, tanh
    from conductance.shaping.figures.curves import preset_figure
    from excitable import check_circuit
    from excitable.report.adaptive import adaptive_svg

    return PRESETS, Stimulus, adaptive_svg, check_circuit, classify, mo, mtc, preset_figure, tanh


@app.cell
def _(mo):
    mo.md(
        r"""
        # From a shaped curve to a checked circuit

        A neuron here is a leaky membrane with a few **elements**. Each element is a current that depends on a voltage,
        $\pm\alpha\tanh(V - \delta)$: the current of a differential pair. What it reads decides what it does: a **fast**
        element reads the membrane at once, a **slow** one reads a filtered copy, an **ultra-slow** one a copy
        filtered more.

        The I-V curve of a timescale is the current that leaves the membrane when everything up to that timescale has
        settled. Where such a curve *falls*, the neuron has a choice of two states: a switch. Three rules follow.

        1. A fast curve that only rises is a leaky filter: the neuron rests.
        2. A fast curve with a falling part, and a slow one without, spikes.
        3. A falling part in the slow curve makes bursts, if an ultra-slow element ends them.
        """
    )
    return


@app.cell
def _(PRESETS, mo):
    names = [
        "tonic",
        "excitable",
        "rest-spike bistable",
        "bursting",
        "slow bursting",
        "phasic spike",
        "phasic burst",
    ]
    shown = [PRESETS[name] for name in names]
    mo.md(
        f"""
        ## {len(shown)} neurons

        Left: the I-V curves; the broad bands mark where they fall. Right: what the neuron does. The names come from
        the classifier below, which simulates each set by a stated protocol and does not look at the title.
        """
    )
    return (shown,)


@app.cell
def _(adaptive_svg, mo, preset_figure, shown):
    mo.Html(adaptive_svg(preset_figure(shown), title="I-V curves and traces of the parameter sets"))
    return


@app.cell
def _(classify, mo, shown):
    found = [
        classify(
            p.neuron, p.current, before=p.before, pulse=p.pulse, start=p.start if p.before is None else None
        )
        for p in shown
    ]
    rows = "\n".join(
        f"| {preset.name} | {result.regime} | {result.reason} |"
        for preset, result in zip(shown, found, strict=True)
    )
    mo.md(f"| parameter set | regime | why |\n|:---|:---|:---|\n{rows}")
    return


@app.cell
def _(mo):
    mo.md(
        """
        ## Your own neuron, and its circuit

        Change a gain or an offset and run the two cells below again. The circuit is a netlist in volts and amperes:
        72 mV for one unit of voltage, 1 nA for one of current, 1 pF, so one membrane time constant is 72 us. ngspice
        simulates it, and the result is laid over the equation's.
        """
    )
    return


@app.cell
def _(mtc, tanh):
    neuron = mtc(
        [tanh("fast", -2.0), tanh("slow", 2.0), tanh("slow", -1.5, -0.9), tanh("ultraslow", 1.5, -0.9)]
    )
    current, start = -1.0, (-1.9, -1.8, -1.8)
    return current, neuron, start


@app.cell
def _(Stimulus, adaptive_svg, check_circuit, current, mo, neuron, start):
    check = check_circuit(neuron, Stimulus.constant(current), 1000, start=start)
    mo.Html(adaptive_svg(check.figure(), title="the equation's membrane and ngspice's"))
    return (check,)


@app.cell
def _(check, mo):
    library = check.netlist.files["neuron.lib"]
    subcircuit = library[library.index(".subckt") : library.index(".ends")].strip() + "\n.ends"
    words = """
    What is left of the difference is ngspice's time step. This is the subcircuit that was simulated; every current
    of the equation is one device:
    """
    more = """
    To go on: `make demo` trains 64 of these neurons to predict a chaotic series and checks the circuit of the whole
    network in the same way.
    """
    mo.vstack([mo.md(words), mo.plain_text(subcircuit), mo.md(more)])
    return


if __name__ == "__main__":
    app.run()
