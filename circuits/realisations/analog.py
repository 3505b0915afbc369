"""A neuron of amplifier cells: each current its own part, each state a capacitor.

The cells decide the level: macromodels or transistors. A leak that is declared linear becomes pairs that are linear
as far as spikes reach. A filter that is declared linear (`filter_limit` none) has no circuit of differential pairs,
since both of its inputs move, and stays an ideal buffered resistor.
"""

from collections.abc import Collection

import sympy

from circuits.data.circuit import GROUND, Capacitor, CircuitError, Device, Instance, Pin, Subcircuit
from circuits.data.scaling import Scaling
from circuits.realisations.cells.cell import PINS, VDD, VSS
from circuits.realisations.interface import (
    C0,
    V0,
    declared_parameter,
    parameter_name,
    pins,
    unit_parameters,
)
from circuits.realisations.kit import Kit
from circuits.realisations.parts.base import Output, Part, Site
from circuits.realisations.parts.leak import LEAK
from circuits.realisations.parts.source import ideal as as_source
from circuits.realisations.realisation import Realisation
from circuits.realisations.recognition import Recognised
from circuits.realisations.wires import with_wires
from conductance.neurons.base import Neuron, State


def analog(known: Recognised, scaling: Scaling, kit: Kit, *, ideal: Collection[str] = ()) -> Realisation:
    """The neuron made of the kit's cells.

    Args:
        known: the neuron and its parts; a neuron with an event is not made of transistors.
        scaling: the SI units.
        kit: the cells.
        ideal: names of currents (elements, `leak`, `filter`) and `output` that stay behavioural sources.

    Raises:
        CircuitError: an element whose law no amplifier has, or an unknown name in `ideal`.
    """
    neuron = known.neuron
    if kit.transistors is not None and (neuron.event is not None or neuron.arrivals):
        raise CircuitError(
            f"neuron {neuron.name}: a neuron with spikes as events has no circuit of transistors; use the macromodel "
            f"level, or declare a log_domain_neuron (circuits.realisations.parts.log_domain), which is built of them"
        )
    _check_names(known, ideal)
    parts = [as_source(part.current) if part.current.name in ideal else part for part in known.parts]
    output = known.ideal_output if "output" in ideal else known.output
    site = _site(neuron, kit, parts)
    devices = [
        *(
            Capacitor(
                name=f"c_{state.name}", positive=state.name, negative=GROUND,
                capacitance=site.capacitances[state.name], note=state.meaning,
            )
            for state in neuron.states
        ),
        *(device for part in parts for device in part.devices(site)),
        *output.devices(site),
    ]  # fmt: skip
    return _realisation(_subcircuit(neuron, scaling, site, parts, output, devices), devices, output, kit)


def _check_names(known: Recognised, ideal: Collection[str]) -> None:
    names = {part.current.name for part in known.parts} | {"output"}
    unknown = sorted(set(ideal) - names)
    if unknown:
        raise CircuitError(
            f"neuron {known.neuron.name}: {', '.join(unknown)} cannot stay behavioural; it has "
            f"{', '.join(sorted(names))}"
        )


def _site(neuron: Neuron, kit: Kit, parts: list[Part]) -> Site:
    """Where the parts are built; the lags of those that settle off their goal are known to all."""
    numbers = {p.symbol: sympy.Symbol(parameter_name(p.name), real=True) for p in neuron.parameters}
    lags = {part.current.state.symbol: lag for part in parts if (lag := part.lag(kit))}
    return Site(
        kit=kit,
        nodes={state.symbol: state.name for state in neuron.states},
        numbers=numbers,
        capacitances={
            state.name: _capacitance(state, state is neuron.membrane, numbers, kit) for state in neuron.states
        },
        lags=lags,
    )


def _capacitance(
    state: State, is_membrane: bool, numbers: dict[sympy.Symbol, sympy.Symbol], kit: Kit
) -> sympy.Expr:
    """A state's capacitor at the process corner, drawn smaller by the gates and drains that calibration found."""
    declared = C0 * state.capacity.xreplace(numbers)
    gates = kit.named_trim(LEAK).capacitance if is_membrane else 0.0
    drawn_smaller = declared - gates if gates else declared
    factor = kit.technology.corner_shift.capacitance
    return drawn_smaller if factor == 1 else factor * drawn_smaller


def _subcircuit(
    neuron: Neuron, scaling: Scaling, site: Site, parts: list[Part], output: Output, devices: list[Device]
) -> Subcircuit:
    supplies = (
        Pin(name=VDD, meaning="positive supply"),
        Pin(name=VSS, meaning="negative supply"),
    )
    return Subcircuit(
        name=neuron.name,
        title=f"{neuron.meaning}, {site.kit.technology.title}",
        pins=(*pins(neuron), *supplies, *output.pins(site.kit)),
        parameters=(*unit_parameters(scaling), *map(declared_parameter, neuron.parameters)),
        devices=(*devices, *site.references.devices),
        initial={
            state.name: V0 * sympy.sympify(state.initial).xreplace(site.numbers) for state in neuron.states
        }
        | dict(output.initial(site.kit)),
        timescales=timescales(parts, site),
    )


def timescales(parts: list[Part], site: Site) -> dict[str, sympy.Expr]:
    """Time constants in s by node, of the states that one part alone draws to what they follow."""
    found: dict[str, list[sympy.Expr]] = {}
    for part in parts:
        value = part.timescale(site)
        if value is not None:
            found.setdefault(part.current.state.name, []).append(value)
    return {node: values[0] for node, values in found.items() if len(values) == 1}


def _realisation(subcircuit: Subcircuit, devices: list[Device], output: Output, kit: Kit) -> Realisation:
    """The subcircuit and all that it needs."""
    technology = kit.technology
    negative, positive = technology.rails
    used = dict.fromkeys(device.subcircuit for device in devices if isinstance(device, Instance))
    cells = {cell.subcircuit.name: cell for cell in (kit.element, kit.follower, kit.filter)}
    models = {model.name: model for name in used for model in cells[name].models}
    wires = 0.0 if kit.transistors is None else technology.layout.wire_capacitance
    if kit.transistors is not None:
        models |= {model.name: model for model in technology.model_cards()}
    return Realisation(
        subcircuit=with_wires(subcircuit, wires, outside=(VDD, VSS)),
        cells=tuple(
            with_wires(cells[name].subcircuit, wires, outside=[pin.name for pin in PINS]) for name in used
        ),
        models=tuple(models.values()),
        supplies={VDD: positive, VSS: negative},
        temperature=technology.temperature,
        corner=technology.corner,
        capacitance=technology.corner_shift.capacitance,
        synapses=kit.synapses if output.is_current else None,
    )
