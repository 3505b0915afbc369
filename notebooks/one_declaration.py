import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo

    from conductance import derive, low_pass, mtc, qif, tanh
    from conductance.derivation.latex import neuron_equations, rule_equations
    from conductance.shaping.convergence import convergence
    from conductance.shaping.figures.curves import convergence_figure
    from excitable.report.adaptive import adaptive_svg

    return (
        adaptive_svg,
        convergence,
        convergence_figure,
        derive,
        low_pass,
        mo,
        mtc,
        neuron_equations,
        qif,
        rule_equations,
        tanh,
    )


@app.cell
def _(mo, mtc, neuron_equations, tanh):
    neuron = mtc([tanh("fast", -2.0), tanh("slow", 2.0)])
    mo.md(
        "# One declaration, many forms\n\n"
        "A neuron is declared once, as data. Its equation, printed from that object:\n\n"
        + "\n\n".join(f"$${line}$$" for line in neuron_equations(neuron))
    )
    return (neuron,)


@app.cell
def _(derive, mo, neuron, rule_equations):
    lines = {
        method: rule_equations(derive(neuron, method)) for method in ("forward_euler", "exponential_euler")
    }
    mo.md(
        "## Update rules\n\nThe rules that step it in time are derived from the same object, with their exact "
        "gradients; the steps of torch and the compiled kernels are printed from them.\n\n"
        + "\n\n".join(
            f"**{method}**\n\n" + "\n\n".join(f"$${line}$$" for line in found)
            for method, found in lines.items()
        )
    ).style({"overflow-x": "auto"})  # a long equation scrolls where the window is narrow
    return


@app.cell
def _(convergence, low_pass, neuron, qif):
    methods = ("forward_euler", "exponential_euler", "heun")
    groups = {
        "MTC, tonic set": [
            convergence(neuron, method, inputs=[-0.7] * 10 + [0.0] * 10, hold=0.4, start=(-1.0, -1.0))
            for method in methods
        ],
        "QIF between spikes": [
            convergence(qif(), method, inputs=[0.1, 0.2, 0.05, 0.0], hold=0.25)
            for method in (*methods, "moebius")
        ],
        "Low-pass of order 4": [
            convergence(low_pass(), method, inputs=[1.0, 0.0, -1.0, 2.0], hold=0.5)
            for method in (*methods, "alternating_euler")
        ],
    }
    return (groups,)


@app.cell
def _(mo):
    mo.md(
        """
        ## How fast they approach the continuous equation

        The error against a tight solution (scipy, relative tolerance 1e-9) over the time step. A rule of order 1
        halves its error with the step, one of order 2 quarters it. The exact Moebius step of the QIF neuron has
        none.
        """
    )
    return


@app.cell
def _(adaptive_svg, convergence_figure, groups, mo):
    mo.Html(adaptive_svg(convergence_figure(groups), title="largest error over the time step"))
    return


if __name__ == "__main__":
    app.run()
