"""Every declared neuron and every method, once: the list that drives the conformance tests."""

import math
import re
from functools import cache
from pathlib import Path

from conductance.derivation.methods import METHODS
from conductance.derivation.rules import EXACT, EXPONENTIAL, MAP, default_method, derive, methods_of
from conductance.elements import Law, V, linear, quadratic, tabulated
from conductance.elements.base import signed
from conductance.neurons import Neuron, accumulator, adlif, clocked_lif, dlif, dqif, lif, low_pass, mtc, qif
from conductance.parameter import Parameter
from conductance.shaping.curves import CurveError
from conductance.shaping.stability import largest_stable_dt
from conductance.surrogates import ARCTAN, SLAYER

TABLE = tabulated("fast", [-3.0, -1.0, 0.2, 0.9, 3.0], [1.9, 1.5, -0.4, -1.4, -1.9])

SLOPE = Parameter(
    name="alpha", default=1.0, lower=0.0, lower_open=True, transform="softplus", meaning="slope at zero"
)
SOFTENED = Law(
    name="softened", parameters=(SLOPE,), current=SLOPE.symbol * V / (1 + V**2), meaning="fresh law"
)
"""A law that the package does not have: an element is known by its declaration alone."""

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-neuron.md"


def fresh_neuron() -> Neuron:
    """The neuron of the page that says how to add one: no part of the package, and in every list by its declaration."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    scope: dict[str, object] = {}
    exec(compile(code.group(1), str(PAGE), "exec"), scope)
    return scope["exponential"]()


NEURONS: dict[str, Neuron] = {
    "mtc": mtc(),
    "mtc with every option": mtc(tau_f=0.5, filter_limit=1.0, leak_limit=5.0),
    "mtc with other elements": mtc((TABLE, linear("slow", 0.7, 0.1), quadratic("ultraslow", 0.3, -1.0, 0.5))),
    "mtc with a fresh element": mtc((signed(SOFTENED, "fast", -2.0, {}, ""),)),
    "lif": lif(),
    "lif with slayer": lif(surrogate=SLAYER),
    "adlif": adlif(),
    "adlif with arctan": adlif(surrogate=ARCTAN),
    "qif": qif(),
    "low_pass": low_pass(),
    "dqif": dqif(),
    "dlif": dlif(),
    "accumulator": accumulator(),
    "clocked_lif": clocked_lif(),
    "clocked_lif at once to a value, with a current": clocked_lif(
        reset="value", when="at_once", u_reset=-0.2, current="old", inclusive=True, reset_gradient=True
    ),
}
LONGEST = 0.8
FRESH = "a fresh declaration"
PACKAGED = dict(NEURONS)
NEURONS[FRESH] = fresh_neuron()
METHOD_NAMES = (*METHODS, EXPONENTIAL, EXACT, MAP)


def trained(neuron: Neuron, method: str | None = None) -> list[str]:
    """All parameters that the method uses: the exact step of QIF has its peak at infinity."""
    exact = (method or default_method(neuron)) == EXACT
    return [parameter.name for parameter in neuron.parameters if not (exact and parameter.name == "V_peak")]


def dt_of(neuron: Neuron, method: str | None, dt: float) -> float:
    """`dt`, or the longest that the neuron's own declaration allows where that is shorter; 1 for a map, which has none.

    A fifth below the largest stable step, as parameters are drawn around the defaults.
    """
    return 1.0 if neuron.is_map else min(dt, LONGEST * stable_up_to(neuron, method))


@cache
def stable_up_to(neuron: Neuron, method: str | None) -> float:
    """The largest stable step in tau_m; infinite where it is not known, as in a layer."""
    try:
        return largest_stable_dt(derive(neuron, method)).dt
    except CurveError:
        return math.inf


CASES = [(name, method) for name, neuron in NEURONS.items() for method in methods_of(neuron)]
"""Every neuron with every method that it has."""
FLOWS = {name: neuron for name, neuron in NEURONS.items() if not neuron.is_map}
"""The neurons with a differential equation."""
