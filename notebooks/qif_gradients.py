import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo

    return (mo,)


@app.cell
def _(mo):
    mo.md(
        r"""
        # A spike time has a gradient

        A QIF neuron, $\tau \dot V = V(V-1) + I$, spikes when $V$ reaches $+\infty$ and comes back from $-\infty$. On the
        way from one to the other nothing happens at a threshold: a spike appears and disappears at infinite time, not in
        the middle of a trial. So its time is a smooth function of every weight, and has an exact derivative.

        Here one input spike of weight $w$ arrives at $t = 0$ at a neuron at rest. From rest a spike needs
        $w > \pi^2/4 \approx 2.467$.
        """
    )
    return


@app.cell
def _():
    import numpy as np
    import sympy
    import torch

    from conductance.derivation.printers.torch import compiled
    from conductance.derivation.rules import derive
    from conductance.neurons import qif

    rule = derive(qif(), "moebius")
    step = compiled(rule.body, "step")

    def first_spike(weight, dt=1e-3, steps=8000):
        """Time of the first spike of a neuron at rest that gets `weight` at t = 0, from the exact step."""
        constants = compiled(rule.prelude, "constants")(
            *(torch.tensor(p.default, dtype=torch.float64) for p in qif().parameters),
            torch.tensor(dt, dtype=torch.float64),
        )
        voltage, current = torch.tensor(0.0, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64)
        for place in range(steps):
            arriving = torch.tensor(weight if place == 0 else 0.0, dtype=torch.float64)
            before, held = voltage, current + arriving
            voltage, current, spike = step(voltage, current, arriving, *constants)
            if spike > 0:
                # the rest of the last step in closed form: atan(V/k) + k s = pi/2
                k = torch.sqrt(held)
                share = (torch.pi / 2 - torch.atan(before / k)) / k
                return float(place * dt - torch.log(1 - share))
        return float("nan")

    return derive, first_spike, np, qif, sympy


@app.cell
def _(first_spike, mo, np):
    weights = np.array([2.6, 3.0, 4.0, 6.0, 9.0, 14.0])
    times = np.array([first_spike(float(weight)) for weight in weights])
    closed = -np.log(1 - (np.pi / 2) / np.sqrt(weights))
    assert np.allclose(times, closed, atol=1e-9)
    numbers = "\n".join(f"| {x:g} | {t:.6f} |" for x, t in zip(weights, times, strict=True))
    mo.md(f"| weight | first spike / tau |\n|---:|---:|\n{numbers}")
    return closed, times, weights


@app.cell
def _(mo, sympy):
    w = sympy.Symbol("w", positive=True)
    spike_time = -sympy.log(1 - sympy.pi / (2 * sympy.sqrt(w)))
    slope = sympy.simplify(spike_time.diff(w))
    mo.md(
        rf"""
        From rest the time has a closed form, and sympy gives its derivative:

        $$t(w) = {sympy.latex(spike_time)}, \qquad \frac{{dt}}{{dw}} = {sympy.latex(slope)}$$

        The exact step, taken 8000 times, agrees with it to $10^{{-9}}$: the assertion above would have failed.
        """
    )
    return slope, spike_time, w


@app.cell
def _(first_spike, mo, np, slope, w, weights):
    step_size = 1e-4
    measured = np.array(
        [
            (first_spike(float(x) + step_size) - first_spike(float(x) - step_size)) / (2 * step_size)
            for x in weights[1:4]
        ]
    )
    exact = np.array([float(slope.subs(w, x)) for x in weights[1:4]])
    assert np.allclose(measured, exact, rtol=1e-5)
    slopes = "\n".join(
        f"| {x:g} | {found:.6f} | {closed_form:.6f} |"
        for x, found, closed_form in zip(weights[1:4], measured, exact, strict=True)
    )
    mo.md(f"| weight | slope by finite differences | slope in closed form |\n|---:|---:|---:|\n{slopes}")
    return


@app.cell
def _(mo, np):
    from matplotlib.figure import Figure

    from conductance.shaping.figures.palette import colour
    from excitable.report.adaptive import adaptive_svg

    grid = np.linspace(2.47, 12, 400)
    fine = -np.log(1 - (np.pi / 2) / np.sqrt(grid))
    lif_grid = np.linspace(4.0, 12, 400)
    # LIF of the same paper: minimum weight 4 V_th, and its spike vanishes mid-trial, at tau ln 2
    lif_time = -np.log(0.5 * (1 + np.sqrt(1 - 4 / lif_grid)))
    figure = Figure(figsize=(7.5, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(grid, fine, color=colour("model"), label="QIF: vanishes at infinite time")
    axes.plot(
        lif_grid,
        lif_time,
        color=colour("circuit"),
        linestyle="--",
        label="LIF: vanishes in the middle of the trial",
    )
    axes.axhline(np.log(2), color=colour("muted"), linewidth=0.8)
    axes.set(xlabel="weight", ylabel="first spike / tau", ylim=(0, 5))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    mo.vstack(
        [
            mo.Html(adaptive_svg(figure, title="time of the first spike over the weight")),
            mo.md(
                r"""
                The control, LIF with $\tau_m = 2\tau_s$, loses its spike at $t = \tau \ln 2$ with a slope that grows without
                bound: training that lowers the weight there makes the loss jump. QIF's spike leaves the trial at its end.
                """
            ),
        ]
    )
    return


@app.cell
def _(mo):
    mo.md(
        r"""
        What follows from this is in the package: `conductance.events` has layers whose spikes are events with these
        gradients, pseudospikes that continue the trial past its end, and losses on spike times. Formulas: docs/models.md,
        section 2 (arXiv 2606.03935, arXiv 2309.14523).
        """
    )
    return


if __name__ == "__main__":
    app.run()
