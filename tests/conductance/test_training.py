"""Training: what it measures, that it learns, and that it stops in words when numbers run away."""

import logging
import math
import signal
import warnings

import declared
import numpy as np
import pytest
import torch
from echo_task import Echo, small_network

from conductance.networks import RECIPES, Network, Recipe, Spread, recipe_of, series_network
from conductance.neurons import adlif, lif, low_pass, mtc, qif
from conductance.neurons.spiking import is_spiking
from conductance.storage import load_network, save_network
from conductance.training import TrainingError, TrainingOptions, train
from conductance.training.activity import activity, layer_outputs, spiking_layers
from conductance.training.batches import draw_batch

TASK = Echo()
DATA = TASK.generate(0)
SHORT = TrainingOptions(steps=6, batch=4, learning_rate=0.02, evaluate_every=2)


def records(network: Network, options: TrainingOptions = SHORT, **more) -> list:
    found: list = []
    train(network, TASK, DATA, options, report=found.append, **more)
    return found


def test_activity_counts_crossings_duty_and_silence():
    """A graded output that leaves zero twice in five samples, one event train, and a silent neuron, by hand."""
    graded = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0], [0.0, 0.0], [0.2, 0.0]]).unsqueeze(1)
    mask = torch.ones(5, 1, dtype=torch.bool)
    found = activity({"hidden": mtc()}, {"hidden": graded}, mask)
    assert found.spikes == pytest.approx(2 / 10)
    assert found.duty_cycle == pytest.approx(3 / 10)
    assert found.silent_neurons == 1
    events = (graded > 0).float()
    assert activity({"hidden": lif()}, {"hidden": events}, mask).spikes == pytest.approx(3 / 10)


def test_activity_leaves_out_the_warm_up():
    """A spike in the warm-up is not counted, and neither is its time."""
    output = torch.tensor([1.0, 0.0, 0.0, 1.0]).reshape(4, 1, 1)
    mask = torch.tensor([False, False, True, True]).reshape(4, 1)
    found = activity({"hidden": mtc()}, {"hidden": output}, mask)
    assert (found.spikes, found.duty_cycle) == (0.5, 0.5)


def test_a_recipe_follows_from_a_declaration():
    """A fresh declaration makes a network that spikes and whose every trained parameter has a gradient."""
    recipe = recipe_of(declared.fresh_neuron())
    assert recipe.trainable == ("sharpness", "peak")
    network = series_network(
        recipe, inputs=1, hidden=3, outputs=1, dt=0.1, low_pass_tau=1.0, values={"peak": 1.5},
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    output, _ = network(torch.full((200, 2, 1), 2.0))
    output.square().sum().backward()
    assert output.abs().max() > 0
    hidden = network.layers["hidden"]
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in hidden.parameters())


def test_filters_do_not_spike():
    """Neurons with an event or a clipped output spike; a low-pass, whose output is linear, does not."""
    assert [is_spiking(neuron) for neuron in (mtc(), lif(), adlif(), qif(), low_pass())] == [True] * 4 + [
        False
    ]
    assert list(spiking_layers(small_network())) == ["hidden"]


def test_layer_outputs_ends_with_the_last_layer():
    """The outputs seen by the hooks are those of the layers, and the last is the network's."""
    network = small_network()
    with layer_outputs(network) as outputs:
        prediction, _ = network(DATA.test.inputs)
    assert list(outputs) == ["encoder", "hidden", "readout", "filter"]
    assert torch.equal(outputs["filter"], prediction)
    outputs.clear()
    network(DATA.test.inputs)
    assert not outputs


def test_batches_follow_from_seed_and_step_alone():
    """The same seed and step draw the same series, whatever was drawn before; others draw others."""
    first = draw_batch(DATA.train, seed=1, step=7, size=4)
    torch.rand(10)
    np.random.default_rng(0).random()
    assert torch.equal(draw_batch(DATA.train, seed=1, step=7, size=4).inputs, first.inputs)
    others = [draw_batch(DATA.train, seed=s, step=k, size=4).inputs for s, k in ((1, 8), (2, 7))]
    assert not any(torch.equal(other, first.inputs) for other in others)
    whole = draw_batch(DATA.train, seed=0, step=0, size=DATA.train.series)
    assert len({tuple(series.tolist()) for series in whole.inputs[..., 0].T}) == DATA.train.series


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns(name):
    """A few steps lower the error of each neuron's network on a sine repeated later, which takes 30 tau_m or more."""
    options = TrainingOptions(steps=12, batch=8, learning_rate=0.1, evaluate_every=12)
    network, found = small_network(name, hidden=24), []
    task = Echo(stretch=math.ceil(0.3 / network.dt))
    train(network, task, task.generate(0), options, report=found.append)
    errors = [record.error for record in found if record.split == "validation"]
    assert errors[-1] < 0.7 * errors[0]


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_starts_neurons_apart_and_inside_their_bounds(name):
    """Each neuron has its own start inside the recipe's spread, and only what the recipe trains is trained."""
    recipe = RECIPES[name]
    hidden = small_network(name, hidden=40).layers["hidden"]
    values = hidden.values()
    for parameter, spread in recipe.start.items():
        drawn = values[parameter].detach()
        assert len(set(drawn.tolist())) == 40
        assert (drawn >= spread.lower - 1e-5).all() and (drawn <= spread.upper * (1 + 1e-5) + 1e-5).all()
    assert {key.removeprefix("raw_") for key, _ in hidden.named_parameters()} == set(recipe.trainable)
    assert hidden.neuron == recipe.neuron


def test_values_and_trainable_replace_the_recipe():
    """A caller's start and choice of trained parameters come before the recipe's."""
    network = series_network(
        RECIPES["mtc"], inputs=2, hidden=3, outputs=2, dt=0.5, low_pass_tau=4.0, method="heun",
        values={"tau_s": Spread(lower=30, upper=40), "U_th": 0.25}, trainable=["tau_s"],
    )  # fmt: skip
    hidden = network.layers["hidden"]
    assert hidden.rule.method == "heun"
    assert ((hidden.values()["tau_s"] >= 30) & (hidden.values()["tau_s"] <= 40)).all()
    assert hidden.values()["U_th"].tolist() == [0.25] * 3
    assert [key for key, _ in hidden.named_parameters()] == ["raw_tau_s"]
    assert network(torch.zeros(4, 5, 2))[0].shape == (4, 5, 2)
    assert network.layers["filter"].values()["tau"].detach().tolist() == pytest.approx([4.0, 4.0])


def test_recipe_checks_itself():
    """A recipe that names a parameter its neuron lacks, or an impossible spread, is refused when built."""
    with pytest.raises(ValueError, match="unknown parameter 'alpha'"):
        Recipe(neuron=lif(), method="heun", start={"alpha": Spread(lower=0, upper=1)}, trainable=(), input_gain=1,
               bias=Spread(lower=0, upper=1), source="test")  # fmt: skip
    with pytest.raises(ValueError, match="ordered"):
        Spread(lower=2, upper=1)
    with pytest.raises(ValueError, match="positive"):
        Spread(lower=0, upper=1, logarithmic=True)


def test_learning_rate_follows_the_cosine():
    """The step size of update k is the closed form of cosine annealing."""
    options = TrainingOptions(
        steps=6, batch=4, learning_rate=0.02, final_learning_rate=0.002, evaluate_every=4
    )
    found = [record.learning_rate for record in records(small_network(), options) if record.split == "train"]
    expected = [0.002 + 0.018 * (1 + math.cos(math.pi * k / 6)) / 2 for k in range(6)]
    assert found == pytest.approx(expected)


def test_first_step_measures_what_autograd_gives():
    """Loss and gradient norm of the first record are those of a backward pass by hand, before clipping."""
    network = small_network()
    batch = draw_batch(DATA.train, seed=5, step=0, size=4)
    prediction, _ = network(batch.inputs)
    loss = ((prediction - batch.targets)[batch.mask] ** 2).mean()
    loss.backward()
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in network.parameters()))
    network.zero_grad()
    options = TrainingOptions(steps=1, batch=4, gradient_clip=1e-3, evaluate_every=1)
    first = next(record for record in records(network, options, seed=5) if record.split == "train")
    assert first.loss == pytest.approx(loss.item(), rel=1e-6)
    assert first.gradient_norm == pytest.approx(norm, rel=1e-5)


def test_kept_weights_are_the_best_or_the_last():
    """`best` ends with the weights of the lowest validation error, `last` with those of the last step."""
    base = {"steps": 8, "batch": 4, "learning_rate": 3.0, "evaluate_every": 1}
    network = small_network()
    found: list = []
    best = train(network, TASK, DATA, TrainingOptions(**base, keep="best"), report=found.append)
    validation = [record for record in found if record.split == "validation"]
    lowest = min(validation, key=lambda record: record.error)
    assert best.step == lowest.step < 8
    assert best.validation.error == lowest.error
    assert TASK.error(network(DATA.validation.inputs)[0], DATA.validation) == lowest.error
    last = train(small_network(), TASK, DATA, TrainingOptions(**base, keep="last"))
    assert last.step == 8
    assert last.validation.error == validation[-1].error


def test_a_loss_that_runs_away_names_step_layer_time_and_fix():
    """An untrained network that overflows is told by its dt, values and data; nothing is called trained."""
    network = small_network()
    with torch.no_grad():
        network.layers["readout"].weight[0, 0] = 3e38
        network.layers["readout"].bias[0] = 3e38
    with pytest.raises(
        TrainingError, match=r"cannot start.*the validation loss is (inf|nan): .*dt.*initial values.*data"
    ):
        train(network, TASK, DATA, SHORT)
    network = small_network()
    with torch.no_grad():
        network.layers["encoder"].weight[0, 0] = 3e38
    with pytest.raises(TrainingError, match=r"step 0 of 6: .* layer encoder .* at time step \d+ of 100"):
        train(network, TASK, DATA, SHORT)


def test_what_is_no_network_is_named():
    """A plain Sequential, and data or options of another kind, are named with what to give."""
    plain = torch.nn.Sequential(torch.nn.Linear(1, 1))
    for given, word in (
        ((plain, TASK, DATA, SHORT), "the network is a Sequential; give a Network"),
        ((small_network(), TASK, DATA.train, SHORT), "the data is a Split; give a TaskData"),
        ((small_network(), TASK, DATA, {"steps": 3}), "the options is a dict; give a TrainingOptions"),
    ):
        with pytest.raises(TrainingError, match=word):
            train(*given)


def test_a_gradient_that_is_not_finite_names_the_parameter():
    """A finite loss with an infinite slope stops before the weights are touched."""
    network = small_network()
    weight = network.layers["readout"].weight
    weight.register_hook(lambda gradient: gradient / 0)
    before = weight.detach().clone()
    with pytest.raises(TrainingError, match="gradient is not finite: weight of layer readout"):
        train(network, TASK, DATA, SHORT)
    assert torch.equal(weight, before)


def test_training_keeps_parameters_inside_their_bounds():
    """A bounded parameter without a transform is stopped at its bound, however the gradient pulls."""
    network = small_network("adlif")
    coupling = network.layers["hidden"].raw_a
    coupling.register_hook(lambda gradient: torch.ones_like(gradient))
    train(
        network,
        TASK,
        DATA,
        TrainingOptions(steps=4, batch=4, learning_rate=1.0, evaluate_every=4, keep="last"),
    )
    assert coupling.detach().tolist() == [0.0] * 6
    network.layers["hidden"].check_values()


def test_a_relation_between_trained_parameters_is_kept():
    """Time constants that the gradient pushes out of order stay just in order: tau_us stops above tau_s."""
    recipe = RECIPES["mtc"]
    network = series_network(
        recipe,
        inputs=1,
        hidden=3,
        outputs=1,
        dt=1.0,
        low_pass_tau=1.0,
        trainable=[*recipe.trainable, "tau_us"],
    )
    hidden = network.layers["hidden"]
    hidden.raw_tau_us.register_hook(lambda gradient: 1e3 * torch.ones_like(gradient))
    train(
        network,
        TASK,
        DATA,
        TrainingOptions(
            steps=20, batch=4, learning_rate=0.5, gradient_clip=None, evaluate_every=10, keep="last"
        ),
    )
    hidden.check_values()
    values = hidden.values()
    assert (values["tau_us"] / values["tau_s"]).tolist() == pytest.approx([1.0] * 3, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 0}, "steps = 0"),
        ({"learning_rate": -1.0}, r"learning_rate = -1.0: .* \(0, 10\]"),
        ({"learning_rate": math.nan}, "learning_rate = nan"),
        ({"final_learning_rate": 1.0}, "annealing goes down"),
        ({"keep": "worst"}, "keep = 'worst': allowed are best, last"),
        ({"gradient_clip": 0}, "gradient_clip = 0"),
    ],
)
def test_options_check_themselves(change, words):
    """An option outside its bounds is refused with its name, the value and what is allowed."""
    with pytest.raises(TrainingError, match=words):
        TrainingOptions(**change)


def test_a_batch_larger_than_the_split_is_refused():
    """More series than there are cannot be drawn."""
    with pytest.raises(TrainingError, match=r"batch = 9 .* the train split has 8"):
        train(small_network(), TASK, DATA, TrainingOptions(steps=1, batch=9))


def test_a_missing_device_is_refused():
    """Without a CUDA device the option for it is one clear error."""
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(TrainingError, match="device = 'cpu'"):
        train(small_network(), TASK, DATA, TrainingOptions(steps=1, batch=2, device="cuda"))


def test_a_trained_network_goes_through_files(tmp_path):
    """Trained weights are saved and loaded bit by bit."""
    network = small_network()
    train(network, TASK, DATA, SHORT)
    save_network(network, tmp_path)
    assert torch.equal(load_network(tmp_path)(DATA.test.inputs)[0], network(DATA.test.inputs)[0])


def test_an_interrupt_stays_an_interrupt():
    """Ctrl-C during training reaches the caller, and the next one is heard again."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(small_network(), TASK, DATA, SHORT, report=interrupt)
    assert signal.getsignal(signal.SIGINT) == before


def test_training_leaves_warnings_and_log_levels_alone():
    """What training silences is only silent while it trains."""
    level = logging.getLogger("lightning.pytorch").level
    filters = list(warnings.filters)
    train(small_network(), TASK, DATA, TrainingOptions(steps=1, batch=2))
    assert logging.getLogger("lightning.pytorch").level == level
    assert list(warnings.filters) == filters


def test_an_unknown_recipe_names_the_nearest():
    """A name that is nearly right is answered with the right one, another with all."""
    with pytest.raises(KeyError, match=r"no recipe 'mtcc'.*mtc.*known are .*lif"):
        RECIPES["mtcc"]


def test_a_chip_on_which_no_neuron_works_blames_the_mismatch():
    """The network is sound and the drawn chip is not: the error names the mismatch, not the learning rate."""
    task = Echo(samples=40)
    options = TrainingOptions(
        steps=30, batch=4, learning_rate=1e-3, mismatch_current=1.0, mismatch_capacitor=1.0
    )
    with pytest.raises(TrainingError) as caught:
        train(small_network(), task, task.generate(0), options)
    assert "mismatch_current = 1" in str(caught.value) and "learning_rate" not in str(caught.value)
