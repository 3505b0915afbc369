"""Every declared neuron and every method, once: the list that drives the conformance tests."""

import conductance.neurons
from conductance.derivation.methods import METHODS
from conductance.elements import linear, quadratic, tabulated, tanh
from conductance.neurons import Neuron, adlif, lif, low_pass, mtc, qif
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
}
EXACT = "moebius"
METHOD_NAMES = (*METHODS, EXACT)
CASES = [(name, method) for name in NEURONS for method in METHOD_NAMES if method != EXACT or name == "qif"]
"""Every neuron with every method that it has."""


def declared_functions() -> set[str]:
    """The functions of `conductance.neurons` that make a neuron."""
    classes = {"Event", "Neuron", "State"}
    return set(conductance.neurons.__all__) - classes
