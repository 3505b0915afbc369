"""A solved readout is the least-squares one; training uses it at the start, at the end, in turns, or alone."""

import math
from types import SimpleNamespace

import pytest
import torch
from echo_task import Echo, small_network

from conductance.layers import NeuronLayer, Projection
from conductance.networks import Network
from conductance.neurons import low_pass, mtc
from conductance.training import TrainingError, TrainingOptions, train
from conductance.training.loop import _solve_last
from conductance.training.readout import readout_of, solve_readout

TASK = Echo()
DATA = TASK.generate(0)
QUICK = dict(batch=4, evaluate_every=10, learning_rate=0.02)


def error(network) -> float:
    with torch.no_grad():
        return TASK.error(network(DATA.train.inputs)[0], DATA.train)


def test_the_solution_is_where_the_gradient_vanishes():
    """Without a ridge the mean square error has no slope in weights and bias, through the real filter."""
    network = small_network(hidden=5).double()

    def double(split):
        return type(split)(inputs=split.inputs.double(), targets=split.targets.double(), mask=split.mask)

    train_split = double(DATA.train)
    solve_readout(network, train_split, double(DATA.validation), ridge=0.0)
    loss = (network(train_split.inputs)[0] - train_split.targets)[train_split.mask].square().mean()
    _, readout = readout_of(network)
    for gradient in torch.autograd.grad(loss, list(readout.parameters())):
        assert float(gradient.abs().max()) < 1e-9


def test_a_ridge_shrinks_the_weights_and_the_validation_split_chooses_it():
    """Norms fall with the strength; the strength that is taken has the smallest error on the validation split."""
    norms = []
    for ridge in (0.0, 1e-3, 1e-1, 10.0):
        network = small_network(hidden=5)
        solve_readout(network, DATA.train, DATA.validation, ridge=ridge)
        norms.append(float(readout_of(network)[1].weight.norm()))
    assert norms == sorted(norms, reverse=True)
    network = small_network(hidden=5)
    chosen = solve_readout(network, DATA.train, DATA.validation)
    with torch.no_grad():
        off = (network(DATA.validation.inputs)[0] - DATA.validation.targets)[DATA.validation.mask]
    assert float(off.square().mean()) == pytest.approx(chosen.error, rel=1e-3)
    for ridge in (1e-10, 1e-4, 1e-2):
        other = solve_readout(small_network(hidden=5), DATA.train, DATA.validation, ridge=ridge)
        assert chosen.error <= other.error * (1 + 1e-9)


def test_a_physical_reservoir_needs_no_update():
    """Fixed neurons with a solved readout: only the readout changes, and the error is far below the drawn one's."""
    network = small_network(hidden=24)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    drawn = error(network)
    result = train(network, TASK, DATA, TrainingOptions(trained="readout", readout="start", **QUICK))
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"layers.readout.weight", "layers.readout.bias"}
    assert error(network) < 0.6 * drawn
    assert result.step == 0


def test_adam_can_train_the_readout_alone():
    """With trained = readout and nothing solved, the neurons stay as they were."""
    network = small_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    train(network, TASK, DATA, TrainingOptions(steps=4, trained="readout", keep="last", **QUICK))
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"layers.readout.weight", "layers.readout.bias"}


@pytest.mark.parametrize("readout", ["start", "end", "both", "alternating"])
def test_solving_beats_training_the_readout_for_as_many_updates(readout):
    """Ten updates with a solved readout have a lower error than ten without."""
    plain, solved = small_network(hidden=12), small_network(hidden=12)
    train(plain, TASK, DATA, TrainingOptions(steps=10, **QUICK))
    train(solved, TASK, DATA, TrainingOptions(steps=10, readout=readout, **QUICK))
    assert error(solved) < error(plain)


@pytest.mark.parametrize(
    ("before", "after", "taken"), [(0.5, 0.4, True), (0.5, 0.6, False), (0.5, 0.5, True)]
)
@pytest.mark.parametrize("untrained", [False, True])
def test_a_last_solution_is_taken_unless_the_validation_split_is_worse_for_it(
    before, after, taken, untrained
):
    """Where nothing else is trained it is the only readout there is, and stays."""
    errors, loaded = [before, after], []
    module = SimpleNamespace(
        weights=lambda: "weights of before", measure=lambda split: SimpleNamespace(error=errors.pop(0)),
        solve=lambda: None, network=SimpleNamespace(load_state_dict=loaded.append),
        options=SimpleNamespace(nothing_to_train=untrained),
    )  # fmt: skip
    _solve_last(module)
    assert loaded == ([] if taken or untrained else ["weights of before"])


def test_an_alternating_readout_resumes_bit_by_bit(tmp_path):
    """Broken off at an evaluation and gone on, the weights are those of one go."""
    options = dict(readout="alternating", readout_every=3, batch=4, evaluate_every=4)
    whole, halves = small_network(), small_network()
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    train(whole, TASK, DATA, TrainingOptions(steps=8, keep="last", **options), folder=tmp_path / "a")

    class Stop(Exception):
        pass

    def stop(record):
        if record.split == "train" and record.step == 6:
            raise Stop

    with pytest.raises(Stop):
        train(
            halves,
            TASK,
            DATA,
            TrainingOptions(steps=8, keep="last", **options),
            folder=tmp_path / "b",
            report=stop,
        )
    again = small_network()
    train(again, TASK, DATA, TrainingOptions(steps=8, keep="last", **options), folder=tmp_path / "b")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_patience_ends_training_and_stays_ended(tmp_path):
    """Without anything to gain, training ends after as many evaluations as its patience, and does not go on later."""
    options = TrainingOptions(steps=100, batch=4, evaluate_every=2, patience=3, learning_rate=1e-9)
    seen: list = []
    network = small_network()
    train(network, TASK, DATA, options, report=seen.append, folder=tmp_path,
          loss=lambda prediction, _: prediction.sum() * 0.0)  # fmt: skip
    assert max(record.step for record in seen) == 6
    again: list = []
    train(network, TASK, DATA, options, report=again.append, folder=tmp_path)
    assert not [record for record in again if record.split == "train"]


def test_a_network_without_a_linear_end_is_refused_by_its_layer():
    """A spiking layer behind the last projection, or none at all."""
    neurons = NeuronLayer(mtc(), 2, dt=0.2)
    network = Network({"in": Projection(1, 2), "hidden": neurons})
    with pytest.raises(TrainingError, match="layer hidden behind the last projection is not linear"):
        solve_readout(network, DATA.train, DATA.validation)
    uneven = NeuronLayer(low_pass(), 2, dt=0.2, values={"tau": torch.tensor([1.0, 2.0])})
    network = Network({"in": Projection(1, 2), "hidden": neurons, "out": Projection(2, 2), "filter": uneven})
    with pytest.raises(TrainingError, match="tau of layer filter differs between its neurons"):
        solve_readout(network, DATA.train, DATA.validation)


@pytest.mark.parametrize("ridge", [-1e-4, math.nan, math.inf])
def test_a_strength_that_is_no_strength_is_refused(ridge):
    """A negative one would reward large weights."""
    with pytest.raises(TrainingError, match="finite strength of 0 or more"):
        solve_readout(None, None, None, ridge=ridge)


def test_a_ridge_leaves_the_bias_and_is_a_share_of_the_features_power():
    """Least |X w + b - y|^2 + r s |w|^2, s the mean of the sums of X_k^2: the bias has no part in the ridge."""
    network = small_network(hidden=5).double()
    split = type(DATA.train)(
        inputs=DATA.train.inputs.double(), targets=DATA.train.targets.double(), mask=DATA.train.mask
    )
    ridge = 0.1
    solve_readout(network, split, split, ridge=ridge)
    label, readout = readout_of(network)
    # what the readout sees, through the filter behind it, which passes sums on
    names, values, columns = list(network.chain), split.inputs, []
    for name in names[: names.index(label)]:
        values, _ = network.chain[name](values)
    values = torch.cat([values, torch.ones_like(values[:, :, :1])], dim=2)
    for column in range(6):
        one = values[:, :, column : column + 1]
        for name in names[names.index(label) + 1 :]:
            one, _ = network.chain[name](one)
        columns.append(one[:, :, 0])
    *seen, bias = torch.stack(columns, dim=2)[split.mask].detach().unbind(1)
    seen = torch.stack(seen, dim=1)
    off = (network(split.inputs)[0] - split.targets)[split.mask].detach()
    size = seen.square().sum(0).mean()
    slope = seen.T @ off + ridge * size * readout.weight.detach().T
    assert float(slope.abs().max()) < 1e-8 * float((seen.T @ split.targets[split.mask]).abs().max())
    assert abs(float(bias @ off[:, 0])) < 1e-8 * float(bias.square().sum())
