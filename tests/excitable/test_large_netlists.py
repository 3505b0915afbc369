"""A netlist of many neurons is warned of, with the way that costs less."""

import warnings

import numpy as np
import pytest

from circuits.data.scaling import Scaling
from conductance.networks import RECIPES, series_network
from excitable.ladder import series as loop
from excitable.ladder.options import CircuitOptions
from excitable.ladder.series import LARGE, export


def _export(hidden):
    network = series_network(RECIPES["mtc"], inputs=1, hidden=hidden, outputs=1, dt=0.2, low_pass_tau=2.0)
    return export(network, np.zeros((2, 1)), dt=0.2, options=CircuitOptions(scaling=Scaling()))


def test_more_than_200_neurons_are_warned_of():
    """201 neurons in one netlist: the warning has their number and names the command that cuts them into parts."""
    with pytest.warns(UserWarning, match=r"netlist network: 201 neurons .*excitable simulate"):
        _export(LARGE + 1)


def test_as_many_as_allowed_are_not(monkeypatch):
    """Where 4 are allowed, 4 neurons pass without a word."""
    monkeypatch.setattr(loop, "LARGE", 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _export(4)
