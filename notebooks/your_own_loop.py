import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import tempfile
    from pathlib import Path

    import marimo as mo
    import torch

    folder = Path(tempfile.mkdtemp())
    _seeded = torch.manual_seed(0)
    return folder, mo, torch


@app.cell
def _(mo):
    mo.md(
        r"""
        # A loop of your own

        Layers are ordinary torch modules, so the loop may be yours; what it trained becomes a circuit like any other
        network. Here it is two kinds of waves, told apart by eight recurrent MTC neurons.
        """
    )
    return


@app.cell
def _(torch):
    from conductance.networks import RECIPES, RandomLoop, series_network
    from conductance.tasks import TaskData

    time, kinds = torch.arange(80.0)[:, None], torch.arange(48) % 2
    waves = torch.sin((0.2 + 0.3 * kinds) * time + torch.rand(48))[..., None]
    data = TaskData.from_arrays(waves, kinds, warm_up=10)
    network = series_network(
        RECIPES["mtc"],
        inputs=1,
        hidden=8,
        outputs=2,
        dt=0.5,
        low_pass_tau=2.0,
        loop=RandomLoop(source="us", tau=4.0),
        generator=torch.Generator().manual_seed(0),
    )
    return data, network


@app.cell
def _(data, mo, network, torch):
    adam = torch.optim.Adam(network.parameters(), lr=0.03)

    def shown(split):
        output, _ = network(split.inputs)
        return output[10:].mean(0)

    losses = []
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(shown(data.train), data.train.targets[-1].argmax(-1))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    right = float((shown(data.test).argmax(-1) == data.test.targets[-1].argmax(-1)).float().mean())
    mo.md(
        f"Cross-entropy {losses[0]:.3f} at the start, {losses[-1]:.3f} at the end; {right:.0%} of the test waves are right."
    )
    return losses, right


@app.cell
def _(losses, right):
    assert losses[-1] < losses[0] and right > 0.8
    return


@app.cell
def _(data, folder, mo, network):
    from circuits.data.scaling import Scaling
    from excitable import check_network
    from excitable.ladder.options import CircuitOptions
    from excitable.ladder.series import export

    wave = data.test.inputs[:, 0].numpy()
    netlist = export(network, wave, options=CircuitOptions(scaling=Scaling()))
    netlist.write(folder / "circuit")
    check = check_network(network, data.test.inputs[:, :2].numpy(), decision="mean")
    files = ", ".join(sorted(path.name for path in (folder / "circuit").iterdir()))
    mo.md(
        f"Files: {files}. The trained model, its equation and the circuit on two waves of the test split:\n\n"
        + str(check).replace("\n", "\n\n")
    )
    return (check,)


@app.cell
def _(check):
    check.figure()
    return


@app.cell
def _(check):
    assert not check.judged.differing
    return


if __name__ == "__main__":
    app.run()
