"""What a newcomer mistypes is one error in words that names the object, what came and what is allowed."""

import pytest
from declared import NEURONS

from conductance import PRESETS, derive, dqif, integrate, lif, mtc, qif, tanh
from conductance.errors import ExcitableError, nearest
from conductance.layers import NeuronLayer


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda: NeuronLayer(lif, 3, dt=0.1), r"lif, a function; give .*lif\(\)"),
        (lambda: NeuronLayer("lif", 3, dt=0.1), r"'lif', a str; give"),
        (lambda: NeuronLayer(mtc(), 3, dt=0.1, trainable=["tau_x"]), r"did you mean tau_s\?"),
        (lambda: mtc(tanh("fast", -2.0)), "elements are Element; give a tuple or list"),
        (lambda: mtc({"fast": tanh("fast", -2.0)}), "elements are dict; give"),
        (lambda: tanh("fast", "-2"), "gain = '-2' is not a number"),
        (lambda: tanh("fast", 0.0), "gain = 0: it must be finite and not zero"),
        (lambda: PRESETS["burst"], r"preset 'burst' is unknown; did you mean bursting\? known are tonic"),
        (lambda: derive(mtc(), "foward_euler"), r"did you mean forward_euler\?"),
        (lambda: integrate(mtc(), "step", 10.0), "'step' is none; give a number"),
    ],
)
def test_a_mistake_is_one_clear_error(mistake, words):
    """No error of Python reaches the user."""
    with pytest.raises(ExcitableError, match=words):
        mistake()


def test_a_name_unlike_all_is_answered_without_a_guess():
    """A question is asked only where a known name is similar."""
    assert nearest("zzz", ["hidden", "filter"]) == ""
    assert PRESETS.get("burst") is None
    assert "burst" not in PRESETS


def test_a_number_is_a_constant_current():
    """Where a stimulus is taken, a number means the current that is held."""
    assert integrate(mtc(), -1.0, 10.0).stimulus.values == (-1.0,)


def test_a_neuron_prints_its_equations_and_values():
    """Every state's equation, the event, arrivals and output have a line, and every parameter its value."""
    assert str(lif(tau_m=2.0)).splitlines() == [
        "lif: leaky integrate-and-fire neuron",
        "    tau_m/R * dU_m/dt = I_in + (-U_m + U_rest)/R",
        "    spike where U_m - theta > 0, U_m -> U_rest",
        "    output spike",
        "    tau_m = 2, R = 1, U_rest = 0, theta = 1",
    ]
    assert "arrival of I_in: I_s -> I_in + I_s" in repr(qif())
    assert "u[t+1] = I_in" in repr(dqif())
    for neuron in NEURONS.values():
        shown = repr(neuron)
        for symbol in (*neuron.state_symbols, *(parameter.symbol for parameter in neuron.parameters)):
            assert str(symbol) in shown


def test_what_holds_a_neuron_prints_in_a_line():
    """A trajectory, a curve and a layer say what tells them apart, without the neuron's equations."""
    layer = repr(NeuronLayer(mtc(), 3, dt=0.2, trainable=["tau_s"]))
    assert "size=3" in layer and "dt=0.2" in layer and "trainable=tau_s" in layer
    for shown in (integrate(mtc(), -1.0, 10.0), PRESETS["tonic"]):
        assert len(repr(shown)) < 400 and "dU_m/dt" not in repr(shown)
