"""LaTeX is complete, drawable, and says what the equations say."""

import declared
import pytest
from matplotlib.figure import Figure

from conductance.derivation.latex import latex, neuron_equations, rule_equations, symbol
from conductance.derivation.rules import derive
from conductance.elements import tanh
from conductance.neurons import adlif, lif, mtc, qif
from conductance.shaping.curves import curves


def draw(text: str) -> None:
    """Matplotlib's parser of mathematics refuses what is not well formed."""
    figure = Figure()
    figure.text(0, 0, f"${text}$")
    figure.draw_without_rendering()


@pytest.mark.parametrize("name", [name for name in declared.NEURONS if "other elements" not in name])
def test_every_neuron_and_rule_and_curve_can_be_typeset(name):
    """One line per state at least; nothing is left unparsed."""
    neuron = declared.NEURONS[name]
    lines = [*neuron_equations(neuron), *rule_equations(derive(neuron))]
    if name in declared.FLOWS:
        lines += [latex(each.current) for each in curves(neuron).values()]
    assert len(lines) >= 2 * len(neuron.states) + 1
    for line in lines:
        # matplotlib's parser has no cases; browsers do
        if "begin{cases}" not in line:
            draw(line)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("U_m", "U_{m}"),
        ("tau_us", r"\tau_{us}"),
        ("alpha_f_minus", r"\alpha_{f}^{-}"),
        ("delta_s_plus", r"\delta_{s}^{+}"),
        ("U_rest", r"U_{\mathrm{rest}}"),
        ("V_peak", r"V_{\mathrm{peak}}"),
        ("V_rest", r"V_{\mathrm{rest}}"),
        ("filter_limit", r"\mathrm{filter\ limit}"),
        ("theta", r"\theta"),
        ("y_1", "y_{1}"),
        ("R", "R"),
    ],
)
def test_names_follow_the_literature(name, wanted):
    """Greek letters, indices of timescales, signs as superscripts, words upright."""
    assert symbol(name) == wanted


def test_the_membrane_equation_is_a_sum_of_signed_currents():
    """tau_m/R dU/dt = -(U - U_rest)/R + I_in + alpha tanh(...) for a negative element."""
    (line, *_) = neuron_equations(mtc((tanh("fast", -2.0), tanh("slow", 2.0))))
    assert line.startswith(r"\frac{\tau_{m}}{R}\,\frac{d U_{m}}{d t} = ")
    assert r"+ \alpha_{f}^{-} \tanh" in line
    assert r"- \alpha_{s}^{+} \tanh" in line
    assert r"I_{\mathrm{in}}" in line


def test_events_and_arrivals_have_lines_of_their_own():
    """Threshold and reset; I -> I + w; the spike is a step function of its margin."""
    assert any(r"U_{m} \to U_{\mathrm{rest}}" in line for line in neuron_equations(lif()))
    assert any(r"I_{s} \to" in line for line in neuron_equations(qif()))
    spike, *updates = rule_equations(derive(adlif(), "symplectic_euler"))
    assert spike.startswith(r"s[t+1] = \Theta")
    assert len(updates) == 2
    assert all("SpikeStep" not in line for line in updates)
