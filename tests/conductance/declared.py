"""Every declared neuron and every method, once: the list that drives the conformance tests."""

import conductance.neurons
from conductance.derivation.methods import METHODS
from conductance.derivation.rules import MAP
from conductance.elements import linear, quadratic, tabulated, tanh
from conductance.neurons import Neuron, accumulator, adlif, dlif, dqif, lif, low_pass, mtc, qif
from conductance.surrogates import ARCTAN, SLAYER

TABLE = tabulated("fast", [-3.0, -1.0, 0.2, 0.9, 3.0], [1.9, 1.5, -0.4, -1.4, -1.9])

NEURONS: dict[str, Neuron] = {
    "mtc": mtc(),
    "mtc with every option": mtc(tau_f=0.5, filter_limit=1.0, leak_limit=5.0),
    "mtc with other elements": mtc((TABLE, linear("slow", 0.7, 0.1), quadratic("ultraslow", 0.3, -1.0, 0.5))),
    "mtc with one element": mtc((tanh("fast", -2.0),)),
    "lif": lif(),
    "lif with slayer": lif(surrogate=SLAYER),
    "adlif": adlif(),
    "adlif with arctan": adlif(surrogate=ARCTAN),
    "qif": qif(),
    "low_pass": low_pass(),
    "dqif": dqif(),
    "dlif": dlif(),
    "accumulator": accumulator(),
}
EXACT = "moebius"
METHOD_NAMES = (*METHODS, EXACT, MAP)


def methods_of(name: str) -> tuple[str, ...]:
    """The methods that a neuron of the list has."""
    if NEURONS[name].is_map:
        return (MAP,)
    return (*METHODS, EXACT) if name == "qif" else tuple(METHODS)


CASES = [(name, method) for name in NEURONS for method in methods_of(name)]
"""Every neuron with every method that it has."""
FLOWS = {name: neuron for name, neuron in NEURONS.items() if not neuron.is_map}
"""The neurons with a differential equation."""


def declared_functions() -> set[str]:
    """The functions of `conductance.neurons` that make a neuron."""
    classes = {"Event", "Neuron", "State"}
    return set(conductance.neurons.__all__) - classes
