"""What is not a number never looks like rest: a NaN in the input is in the output from there on, in every form."""

import declared
import pytest
import torch

from conductance.derivation.rules import methods_of
from conductance.layers import NeuronLayer

STEPS, LATE = 40, 7
METHODS = {name: (methods_of(neuron)[0], methods_of(neuron)[-1]) for name, neuron in declared.NEURONS.items()}
CASES = [(name, method) for name, methods in METHODS.items() for method in dict.fromkeys(methods)]


def run(name: str, method: str, backend: str, loss: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Outputs, and gradients of input and start, with a NaN in one lane of four at step LATE."""
    torch.manual_seed(0)
    neuron = declared.NEURONS[name]
    dt = 1.0 if neuron.is_map else 0.001
    layer = NeuronLayer(neuron, 2, dt=dt, method=method, backend=backend)
    inputs = torch.randn(STEPS, 2, 2)
    inputs[LATE, 1, 0] = torch.nan
    inputs.requires_grad_()
    start = [s.clone().requires_grad_() for s in layer.initial_state(2)]
    outputs, _ = layer(inputs, tuple(start))
    (outputs.sum() if loss == "sum" else outputs.square().mean()).backward()
    return outputs.detach(), inputs.grad, torch.stack([s.grad for s in start])


@pytest.mark.parametrize(("name", "method"), CASES)
def test_nan_stays_nan(name, method):
    """Its neuron's output is NaN from that step on and nobody else's is; the gradients are NaN at the same places."""
    neuron = declared.NEURONS[name]
    for loss in ("sum", "square"):
        found = [run(name, method, backend, loss) for backend in ("eager", "c")]
        for outputs, inputs_bar, _ in found:
            # an explicit rule, and a map, hand a value through a chain of filters one state per step
            chained = neuron.event is None or neuron.is_map
            arrived = LATE + len(neuron.states) - 1 if chained else LATE
            assert not outputs[:LATE, 1, 0].isnan().any()
            assert outputs[arrived:, 1, 0].isnan().all()
            for tensor in (outputs, inputs_bar):
                others = torch.ones(tensor.shape, dtype=torch.bool)
                others[:, 1, 0] = False
                assert not tensor[others].isnan().any()
        # in the last steps of all, a slope that is zero and one that is never asked for are not told apart
        last = STEPS if neuron.event is not None else STEPS - len(neuron.states)
        for of_torch, of_kernel in zip(*found, strict=True):
            assert torch.equal(of_torch[:last].isnan(), of_kernel[:last].isnan())
