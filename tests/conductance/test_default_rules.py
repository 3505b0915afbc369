"""Who names no rule gets the exact one, or the published one; who names a step that is too long is told so."""

import copy
import math
import warnings

import pytest
import sympy
import torch

from conductance.derivation import derive
from conductance.derivation.moebius import PeakWarning
from conductance.derivation.rules import default_method
from conductance.events import EventLayer, synaptic_lif
from conductance.layers import NeuronLayer, Projection
from conductance.layers.neurons import StepError
from conductance.networks import RECIPES, Network, recipe_of
from conductance.neurons import accumulator, adlif, dlif, dqif, lif, low_pass, mtc, qif
from conductance.neurons.base import INPUT, Neuron, State
from conductance.parameter import Parameter, ParameterError
from conductance.shaping.curves import CurveError, steady_curve
from conductance.storage import load_network, save_network


@pytest.fixture
def double():
    """Parameters in double precision from the start."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_default_of_each_neuron():
    """As the table of models says: exact where there is an exact step, else as published."""
    wanted = {
        "qif": "moebius", "lif": "exponential", "low_pass": "exponential", "synaptic_lif": "exponential",
        "adlif": "symplectic_euler", "mtc": "forward_euler", "dqif": "map", "dlif": "map", "accumulator": "map",
    }  # fmt: skip
    made = (qif(), lif(), low_pass(), synaptic_lif(), adlif(), mtc(), dqif(), dlif(), accumulator())
    assert {neuron.name: default_method(neuron) for neuron in made} == wanted
    assert {neuron.name: derive(neuron).method for neuron in made} == wanted
    assert recipe_of(qif()).method == "moebius"
    assert {name: RECIPES[name].method for name in ("mtc", "lif", "adlif")} == {
        "mtc": "forward_euler", "lif": "exponential_euler", "adlif": "symplectic_euler",
    }  # fmt: skip


@pytest.mark.parametrize("dt", [0.2, 0.05, 0.01])
@pytest.mark.parametrize("backend", ["c", "eager"])
def test_a_qif_layer_spikes_once(dt, backend):
    """One input spike of weight 4 at t = 0 makes one spike, at 1.54 tau: dV/dt = V(V - 1) + 4 exp(-2t) from 0."""
    inputs = torch.zeros(round(20 / dt), 1, 1)
    inputs[0] = 4.0
    spikes, _ = NeuronLayer(qif(), 1, dt=dt, backend=backend)(inputs)
    (step,) = spikes[:, 0, 0].nonzero().flatten().tolist()
    # (pi/2 - atan(V0/k))/k with k = sqrt(4) and V0 = 0
    wanted = -math.log(1 - math.pi / 4)
    assert wanted == pytest.approx(1.54, abs=0.01)
    assert step * dt < wanted <= (step + 1) * dt


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("dt", [0.05, 1.0, 7.0])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_a_low_pass_is_exact_at_any_step(order, dt):
    """The step response of n sections, 1 - exp(-t/tau) sum over k < n of (t/tau)^k/k!, to rounding."""
    layer = NeuronLayer(low_pass(order=order, tau=3.0), 1, dt=dt)
    outputs, _ = layer(torch.ones(30, 1, 1, dtype=torch.float64))
    for step, found in enumerate(outputs[:, 0, 0].tolist(), 1):
        t = step * dt / 3.0
        series = sum(t**k / math.factorial(k) for k in range(order))
        assert found == pytest.approx(1 - math.exp(-t) * series, abs=1e-12)


@pytest.mark.usefixtures("double")
def test_lif_and_its_synapse_are_exact_at_any_step():
    """U = I (1 - exp(-t/tau)) under a held current; after a charge w, V = w (e - e^2) with e = exp(-t/tau)."""
    for dt in (0.1, 2.5):
        leaky = NeuronLayer(lif(tau_m=2.0), 1, dt=dt)
        record: list = []
        leaky(torch.full((8, 1, 1), 0.9, dtype=torch.float64), record=record)
        for step, (voltage,) in enumerate(record, 1):
            assert float(voltage) == pytest.approx(0.9 * (1 - math.exp(-step * dt / 2.0)), rel=1e-12)
        synaptic = NeuronLayer(synaptic_lif(tau_m=2.0), 1, dt=dt)
        charge = torch.zeros(8, 1, 1, dtype=torch.float64)
        charge[0], record = 3.0, []
        synaptic(charge, record=record)
        for step, (voltage, _) in enumerate(record, 1):
            decay = math.exp(-step * dt / 2.0)
            assert float(voltage) == pytest.approx(3.0 * (decay - decay**2), rel=1e-11)


@pytest.mark.parametrize("method", ["forward_euler", "exponential_euler", "heun", "symplectic_euler"])
@pytest.mark.parametrize("dt", [0.2, 0.01])
def test_a_step_that_does_not_resolve_the_reset_is_refused(method, dt):
    """At -200 V0 a QIF decays at 401 per tau: these rules end near 0.005. The error names neuron, limit and default."""
    with pytest.raises(
        StepError, match=rf"neuron 0: dt = {dt:g} is too long for the rule {method}.*0\.00.*moebius"
    ):
        NeuronLayer(qif(), 2, dt=dt, method=method)
    assert NeuronLayer(qif(), 2, dt=0.004, method=method).dt == 0.004


def test_the_neuron_that_cannot_be_stepped_is_named():
    """Of five filters one is faster than half a step."""
    with pytest.raises(StepError, match=r"neuron 3: .*stable up to 0\.08"):
        NeuronLayer(
            low_pass(order=1),
            5,
            dt=0.2,
            method="forward_euler",
            values={"tau": torch.tensor([5.0, 5, 5, 0.04, 5])},
        )


def test_a_step_is_checked_where_numbers_are_loaded(tmp_path):
    """Numbers of a faster neuron do not come in by load_state_dict, nor through a file, nor by training."""
    slow = NeuronLayer(low_pass(order=1, tau=5.0), 1, dt=0.2, method="forward_euler", trainable=["tau"])
    fast = copy.deepcopy(slow.state_dict())
    fast["raw_tau"] = torch.tensor([0.04]).log()
    with pytest.raises(StepError, match="too long for the rule forward_euler"):
        slow.load_state_dict(fast)
    with pytest.raises(StepError, match="too long"):
        slow.check_values()
    good = Network({"only": NeuronLayer(qif(), 1, dt=0.2)})
    save_network(good, tmp_path)
    assert load_network(tmp_path).dt == 0.2
    text = (tmp_path / "model.json").read_text().replace('"moebius"', '"heun"')
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(Exception, match=r"model.json: layer only: .*too long for the rule heun"):
        load_network(tmp_path)


def test_a_map_has_no_time_step():
    """A dt that a map would ignore is refused."""
    with pytest.raises(StepError, match=r"dqif is a map, .*dt=1"):
        NeuronLayer(dqif(), 1, dt=0.2)


def test_a_peak_that_the_exact_rule_ignores_is_said():
    """With peak 10 intervals are shorter by tau ln(11/9) = 0.2; the default of 200, 0.01, goes without saying."""
    for make in (
        lambda: NeuronLayer(qif(V_peak=10.0), 1, dt=0.2),
        lambda: EventLayer(qif(V_peak=10.0), 1, 1),
    ):
        with pytest.warns(PeakWarning, match=r"V_peak = 10 is not used .* shorter by 0\.2 tau"):
            make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NeuronLayer(qif(), 1, dt=0.2)
        EventLayer(qif(), 1, 1)
        NeuronLayer(qif(V_peak=10.0), 1, dt=0.01, method="heun")
    with pytest.raises(
        ParameterError, match="V_peak cannot be trained, because the rule moebius does not use it"
    ):
        NeuronLayer(qif(), 1, dt=0.2, trainable=["V_peak"])


def test_a_recipe_with_another_rule_is_stepped_by_it():
    """What a recipe says stands; only silence is filled by the default."""
    layer = NeuronLayer(lif(), 2, dt=0.2, method=RECIPES["lif"].method)
    other = NeuronLayer(lif(), 2, dt=0.2)
    inputs = 3 * torch.rand(50, 2, 2, generator=torch.Generator().manual_seed(0))
    assert (layer.rule.method, other.rule.method) == ("exponential_euler", "exponential")
    assert torch.equal(layer(inputs)[0], other(inputs)[0])
    assert Projection(2, 2)(inputs)[1] == ()


def test_a_neuron_without_equilibria_is_not_checked_and_its_curve_says_so():
    """A recovery w' = v - b w settles at v/b: at b = 0 nowhere, which training may come to."""
    voltage, recovery = sympy.symbols("v w", real=True)
    slope = Parameter(name="b", default=0.8, lower=0.0, meaning="slope of the recovery")
    neuron = Neuron(
        name="recovering", meaning="leak and recovery", parameters=(slope,), output=voltage, source="",
        states=(
            State(
                name="membrane", symbol=voltage, meaning="",
                currents={"leak": -20 * voltage, "w": -recovery, "i": INPUT},
            ),
            State(
                name="recovery", symbol=recovery, meaning="", timescale="slow",
                currents={"v": voltage, "l": -slope.symbol * recovery},
            ),
        ),
    )  # fmt: skip
    with pytest.raises(CurveError, match="neuron recovering: its curve has no value at b = 0"):
        steady_curve(neuron).function({"b": 0.0})
    with pytest.raises(StepError, match="too long"):
        NeuronLayer(neuron, 1, dt=0.2, method="forward_euler")
    assert NeuronLayer(neuron, 1, dt=0.2, method="forward_euler", values={"b": 0.0}).dt == 0.2
