"""A truth value is no number: True as a time step would run, and mean 1."""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch

import circuits
import conductance
import excitable
import netlists
from conductance.errors import ExcitableError
from conductance.networks import RECIPES
from conductance.tasks import TaskData
from excitable.config import ConfigurationError, example, parse_configuration

PACKAGES = (conductance, circuits, netlists, excitable)
EMPTY = torch.zeros(0, 1)
RESULTS = {"Netlist", "Run"}
"""What programs make and users read."""
NUMBER = re.compile(r"\b(float|int)\b")


@cache
def examples() -> dict[str, tuple[tuple[Any, ...], dict[str, Any]]]:
    """What each name is called with, beside the number that is wrong."""
    neuron = conductance.mtc([conductance.tanh("fast", -2.0)])
    lif, scaling = conductance.lif(), circuits.Scaling()
    network = conductance.Network({"hidden": conductance.NeuronLayer(neuron, 2, dt=0.1)})
    circuit = circuits.neuron_circuit(lif, 1.0, scaling=scaling)
    netlist = netlists.write_netlist(
        circuit,
        netlists.Transient(stop=1e-6, max_step=1e-7),
        netlists.Tolerances(current=1e-15, voltage=1e-6, charge=1e-18),
    )
    data = TaskData.from_arrays(torch.randn(5, 20, 2), torch.arange(20) % 2)
    curve = conductance.curves(neuron)["fast"]
    return {
        "AveragePool": ((4, 2), {}),
        "Circuit": ((), {"name": "one", "devices": circuit.devices, "subcircuits": circuit.subcircuits}),
        "DCSweep": ((), {"source": "v", "start": 0.0, "stop": 1.0, "step": 0.1}),
        "Delay": ((1, 1), {}),
        "EventLayer": ((conductance.qif(), 2, 2), {}),
        "NeuronLayer": ((lif, 2), {"dt": 0.1}),
        "Noise": ((), {"node": "v", "source": "i", "start": 1.0, "stop": 10.0, "points": 3}),
        "Projection": ((2, 3), {}),
        "Pulse": ((), {"amplitude": 1.0, "duration": 1.0}),
        "Skip": ((2, "hidden"), {}),
        "SmallSignal": ((), {"start": 1.0, "stop": 10.0, "points": 3}),
        "Spikes": (
            (),
            {"times": EMPTY, "neurons": EMPTY.long(), "mask": EMPTY.bool(), "size": 1, "end": 1.0},
        ),
        "Stimulus": (((0.0,), (1.0,)), {}),
        "Subcircuit": ((), {"name": "one", "pins": (), "devices": circuit.devices}),
        "Tolerances": ((), {"current": 1e-15, "voltage": 1e-6, "charge": 1e-18}),
        "Transient": ((), {"stop": 1e-6, "max_step": 1e-7}),
        "check_circuit": ((neuron, 1.0), {"stop": 1.0}),
        "classify": ((neuron, 0.0), {}),
        "equilibria": ((neuron, 0.0), {}),
        "integrate": ((neuron, 1.0, 1.0), {}),
        "linear": (("fast", 1.0), {}),
        "negative_slope_regions": ((curve,), {}),
        "network_circuit": ((network, torch.zeros(3, 2).numpy()), {"dt": 0.1, "scaling": scaling}),
        "neuron_circuit": ((lif, 1.0), {"scaling": scaling}),
        "quadratic": (("fast", 1.0, -1.0, 1.0), {}),
        "series_network": (
            (RECIPES["mtc"],),
            {"inputs": 1, "hidden": 2, "outputs": 1, "dt": 0.1, "low_pass_tau": 1.0},
        ),
        "simulate": ((netlist,), {}),
        "simulate_all": (([netlist],), {}),
        "tabulated": (("fast", [0.0, 1.0], [0.0, 1.0]), {}),
        "tanh": (("fast", 1.0), {}),
        "train": ((network, data.task(), data, conductance.TrainingOptions(steps=1, batch=2)), {}),
    }


def numbers() -> Iterator[tuple[str, str]]:
    """Every argument of a public name that is declared to be a number, alone or among other things."""
    for package in PACKAGES:
        for name in package.__all__:
            thing = getattr(package, name)
            if callable(thing) and not (isinstance(thing, type) and issubclass(thing, Exception)):
                yield from (
                    (name, each.name)
                    for each in inspect.signature(thing).parameters.values()
                    if name not in RESULTS and each.name != "progress" and NUMBER.search(str(each.annotation))
                )


@pytest.mark.parametrize(("name", "argument"), list(numbers()))
def test_a_truth_value_is_refused_as_a_number(name: str, argument: str) -> None:
    """The error is one sentence that names the argument and shows what it was given."""
    thing = next(getattr(package, name) for package in PACKAGES if name in package.__all__)
    given, named = examples().get(name, ((), {}))
    bound = inspect.signature(thing).bind_partial(*given, **named)
    kind = str(inspect.signature(thing).parameters[argument].annotation)
    wrong: Any = {"Mapping": {"tau_m": True}, "Sequence": [True], "tuple": (True,)}
    bound.arguments[argument] = next((each for word, each in wrong.items() if f"{word}" in kind), True)
    with pytest.raises(ExcitableError, match="True"):
        thing(*bound.args, **bound.kwargs)


@pytest.mark.parametrize("kind", ["series", "events", "images"])
def test_a_truth_value_is_refused_as_a_number_of_a_configuration(kind: str) -> None:
    """Every number of the example, a comment's too, is named where it is true."""
    number = re.compile(r"^(?:# )?([a-z_]+) = +[-+0-9.e]+(?=  #)", re.MULTILINE)
    text, keys = example(kind), number.findall(example(kind))
    with pytest.raises(ConfigurationError) as refused:
        parse_configuration(number.sub(r"\1 = true", text))
    assert len(keys) > 10
    assert [
        key for key in keys if not re.search(rf"\b{key}\b.*True|\b{key}\b.*true", str(refused.value))
    ] == []
