"""MTC, the multi-timescale conductance neuron (networks of it are called MTCSN in the literature).

    tau_m dU_m/dt = -(U_m - U_rest) + R I_in - R sum of I_x
    tau_x dU_x/dt = U_m - U_x,   I_x = +-alpha tanh(U_x - delta)

Fulleda-Garcia, Soldado-Magraner, Margarit-Taule, NICE 2026, arXiv 2605.11835; the circuit's foundation is
Ribar & Sepulchre, IEEE TCAS-I 66(8), 2019.
"""

from collections.abc import Sequence

import sympy

from conductance.elements import TIMESCALES, Element, tanh
from conductance.elements.base import DeclarationError, Timescale
from conductance.neurons.base import Constraint, Neuron
from conductance.neurons.membrane import (
    RESISTANCE,
    REST,
    TAU_M,
    U,
    filtered_voltage,
    limit,
    membrane,
    ordered,
    time_constant,
)  # fmt: skip
from conductance.parameter import Parameter, ParameterError

DEFAULT_ELEMENTS = (
    tanh("fast", -2.0),
    tanh("slow", 2.0),
    tanh("slow", -1.5, -0.9),
    tanh("ultraslow", 1.5, -0.9),
)
"""Fast negative, slow positive, slow negative, ultra-slow positive: the set that bursts (docs/models.md, section 1)."""

THRESHOLD = Parameter(
    name="U_th", default=0.0, unit="V0", meaning="voltage at which the output leaves zero",
    source="our choice: no source states it",
)  # fmt: skip
SATURATION = Parameter(
    name="U_sat", default=1.0, unit="V0", meaning="voltage at which the output reaches one",
    source="our choice: no source states it",
)  # fmt: skip


def mtc(
    elements: Sequence[Element] = DEFAULT_ELEMENTS,
    *,
    tau_f: float = 0.0,
    tau_s: float = 20.0,
    tau_us: float = 400.0,
    filter_limit: float | None = None,
    leak_limit: float | None = None,
    name: str = "mtc",
) -> Neuron:
    """A membrane with any number of elements on each timescale and the clipped output s of the literature.

    Args:
        elements: I-V elements; see `conductance.elements`.
        tau_f: time constant of the fast reading, in tau_m; 0 means that fast elements read U_m itself.
        tau_s: time constant of the slow reading, in tau_m, positive.
        tau_us: time constant of the ultra-slow reading, in tau_m, longer than tau_s.
        filter_limit: largest current L of the filters of a slewing circuit, tau_x dU_x/dt = L tanh((U_m - U_x)/L);
            None is a linear filter.
        leak_limit: the same for the leak.
        name: the neuron's name.

    Raises:
        ParameterError: a value is outside its bounds.
        DeclarationError: timescales out of order, two elements of one name.
    """
    if not isinstance(elements, Sequence) or not all(isinstance(one, Element) for one in elements):
        raise DeclarationError(
            f"neuron {name}: elements are {type(elements).__name__}; give a tuple or list of elements, as "
            f'mtc([tanh("fast", -2.0)])'
        )
    given = {"fast": tau_f, "slow": tau_s, "ultraslow": tau_us}
    taus: dict[Timescale, Parameter] = {}
    for timescale in TIMESCALES:
        used = any(element.timescale == timescale for element in elements)
        if used and not (timescale == "fast" and given[timescale] == 0):
            taus[timescale] = _tau(timescale, given[timescale], name)
    filter_bound = (
        None if filter_limit is None else limit("filter_limit", filter_limit, "largest filter current")
    )
    leak_bound = None if leak_limit is None else limit("leak_limit", leak_limit, "largest leak current")
    filters = {scale: filtered_voltage(scale, tau, filter_bound) for scale, tau in taus.items()}
    reads = {scale: filters[scale].symbol if scale in filters else U for scale in TIMESCALES}
    bounds = [bound for bound in (filter_bound if filters else None, leak_bound) if bound is not None]
    parameters = [TAU_M, RESISTANCE, REST, *taus.values(), *bounds]
    for element in elements:
        parameters += element.parameters
    return Neuron(
        name=name,
        meaning="multi-timescale conductance neuron",
        parameters=(*parameters, THRESHOLD, SATURATION),
        states=(membrane(elements, reads, leak_bound), *filters.values()),
        output=clipped(U),
        constraints=(
            *ordered(list(taus.values())),
            Constraint(
                relation=sympy.Lt(THRESHOLD.symbol, SATURATION.symbol), meaning="U_th must lie below U_sat"
            ),
        ),
        elements=tuple(elements),
        source="arXiv 2605.11835; doi 10.1109/TCSI.2019.2907113",
    )


def clipped(voltage: sympy.Expr) -> sympy.Expr:
    """The output s = clip((U_m - U_th)/(U_sat - U_th), 0, 1): a ReLU that saturates."""
    scaled = (voltage - THRESHOLD.symbol) / (SATURATION.symbol - THRESHOLD.symbol)
    return sympy.Min(sympy.Max(scaled, 0), 1)


def _tau(timescale: Timescale, value: float, neuron: str) -> Parameter:
    try:
        return time_constant(
            f"tau_{TIMESCALES[timescale]}", value, f"time constant of the {timescale} reading"
        )
    except ParameterError as error:
        hint = " (only the fast reading may have 0: it then reads U_m itself)" if value == 0 else ""
        raise ParameterError(f"neuron {neuron}: {error}{hint}") from None
