"""Neurons with the laws of amplifiers: what a limit changes, what it leaves, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

from conductance.elements import tanh
from conductance.elements.base import DeclarationError
from conductance.neurons import mtc
from conductance.neurons.limits import limited, with_elements
from conductance.neurons.membrane import U
from conductance.shaping.integrate import integrate
from conductance.stimulus import Stimulus


def test_limited_is_the_neuron_that_was_declared_with_limits():
    """mtc with limits added afterwards has the currents and parameters of mtc declared with them."""
    added, declared = limited(mtc(), filter_limit=1.0, leak_limit=5.0), mtc(filter_limit=1.0, leak_limit=5.0)
    assert added.defaults == declared.defaults
    for one, other in zip(added.states, declared.states, strict=True):
        for name, current in one.currents.items():
            assert sympy.simplify(current - other.currents[name]) == 0


def test_a_limit_far_away_changes_nothing_and_a_near_one_slows():
    """L = 1000 V0 leaves the voltage within 1e-4 V0; L = 0.1 keeps a filter below 0.1/tau of slope."""
    neuron = mtc((tanh("slow", 1.0),), tau_s=20.0)
    start, time = (3.0, 0.0), np.linspace(0, 40, 401)
    free, far, near = (
        integrate(one, Stimulus.constant(0.0), 40.0, start=start).at(time)
        for one in (neuron, limited(neuron, filter_limit=1e3), limited(neuron, filter_limit=0.1))
    )
    assert far == pytest.approx(free, abs=1e-4)
    assert np.abs(np.gradient(near[:, 1], time)).max() <= 0.1 / 20 * 1.01
    assert np.abs(np.gradient(free[:, 1], time)).max() > 0.05


def test_a_limit_that_is_there_already_gets_its_number():
    """A neuron declared with a limit keeps one parameter of that name, with the new default."""
    assert limited(mtc(filter_limit=1.0), filter_limit=2.0).defaults["filter_limit"] == 2.0


def test_a_current_that_is_not_linear_has_no_limit():
    """A leak that is a tanh by another declaration is refused by name."""
    neuron = mtc()
    bent = {**neuron.membrane.currents, "leak": -sympy.tanh(U)}
    states = (replace(neuron.membrane, currents=bent), *neuron.states[1:])
    with pytest.raises(DeclarationError, match=r"neuron mtc, current leak: .* is not linear"):
        limited(replace(neuron, states=states), leak_limit=5.0)


def test_elements_are_exchanged_by_name_only_for_their_like():
    """Name, timescale, sign and parameters must be the old ones."""
    with pytest.raises(DeclarationError, match="no element x; it has f_minus"):
        with_elements(mtc(), {"x": tanh("fast", -1.0, name="x")})
    with pytest.raises(DeclarationError, match=r"element f_minus: .* at the slow timescale"):
        with_elements(mtc(), {"f_minus": tanh("slow", -1.0, name="f_minus")})
