"""The ladder of a network counts by the model's own step."""

import numpy as np
import pytest
import torch
from network_examples import two_neurons

from conductance.tasks.base import Split
from excitable.ladder.rungs import Waveforms
from excitable.ladder.series import ladder


class Task:
    """A task whose error is its output's mean."""

    error_name = "nrmse"

    def error(self, prediction, split):
        """Any number."""
        return float(prediction.abs().mean())


@pytest.mark.parametrize("dt", [0.25, 0.5])
def test_communication_is_counted_by_the_models_step(dt):
    """A spike in every unit of tau_m is dt spikes per step, on every rung."""
    time = np.linspace(0.5, 8.5, 1601)
    membrane = np.where(np.mod(time, 1.0) < 0.3, 1.0, -1.0)[:, None].repeat(2, axis=1)
    rungs = [
        Waveforms(
            rung=rung,
            time=time,
            membrane=membrane,
            output=np.zeros((len(time), 1)),
            neurons=("hidden_0", "hidden_1"),
        )
        for rung in ("discrete", "behavioural")
    ]
    samples = round(8.5 / dt)
    split = Split(
        inputs=torch.zeros(samples, 1, 1),
        targets=torch.zeros(samples, 1, 1),
        mask=torch.ones(samples, 1, dtype=torch.bool),
    )
    found = ladder(two_neurons(), rungs, split, Task(), dt=dt)
    assert [rung.communication for rung in found.rungs] == pytest.approx([dt, dt], rel=1e-6)
    assert found.step_tau_m == dt
