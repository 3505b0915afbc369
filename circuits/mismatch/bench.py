"""Benches of many copies of one cell, which a DC sweep drives together: for sensitivities, and for Monte Carlo."""

from collections.abc import Mapping, Sequence

from circuits.data.circuit import GROUND, Circuit, Device, Instance, Pin, Resistor, Subcircuit, VoltageSource
from circuits.data.scaling import Scaling
from circuits.measured.bench import parts_alone
from circuits.networks.single import supplies
from circuits.realisations import Realisation
from circuits.realisations.cells.cell import MINUS, OUT, PLUS, VDD, VSS, Cell
from circuits.realisations.cells.synapse import AXON
from circuits.realisations.interface import input_state
from circuits.technologies import Technology
from conductance.neurons.base import Neuron

SWEPT = "v_drive"
DRIVE = "drive"
COPY = "x{}"
"""The instance of a copy at the top."""
SENSE_VOLTAGE = 1e-3
"""Voltage in V that the largest current makes across a copy's load: so small that the output rests."""


def output_of(copy: int, which: str = OUT) -> str:
    """The node of a copy whose voltage is its output current times its load."""
    return f"{which}_{copy}"


def amplifiers_bench(cell: Cell, technology: Technology, bias: float, copies: int) -> Circuit:
    """Copies of an amplifier: `plus` of all is swept, `minus` is midway; every output has a load SENSE_VOLTAGE/bias."""
    negative, positive = technology.rails
    return Circuit(
        name="amplifiers_bench",
        title=f"{copies} copies of {cell.subcircuit.name}",
        subcircuits=(cell.subcircuit,),
        models=cell.models,
        temperature=technology.temperature,
        corner=technology.corner,
        devices=(
            _source("v_vdd", VDD, positive),
            _source("v_vss", VSS, negative),
            _source(SWEPT, DRIVE, 0.0),
            *_copies(cell.subcircuit, copies, {PLUS: DRIVE, MINUS: GROUND}, (OUT,), {"ib": bias}),
            *_loads(copies, (OUT,), SENSE_VOLTAGE / bias),
        ),
        probes=tuple(output_of(copy) for copy in range(copies)),
    )


def leaks_bench(neuron: Neuron, built: Realisation, label: str, copies: int) -> Circuit:
    """Copies of one part of a membrane alone: `v_drive` holds all membranes, `v_meter<copy>` sees a copy's current."""
    state = input_state(neuron).name
    parts = parts_alone(built, [label], [one.name for one in neuron.states])
    meters = [f"v_meter{copy}" for copy in range(copies)]
    return Circuit(
        name="parts_bench",
        title=f"{copies} copies of {label}",
        subcircuits=(*built.cells, parts),
        models=built.models,
        temperature=built.temperature,
        corner=built.corner,
        devices=(
            *supplies(built),
            _source(SWEPT, DRIVE, 0.0),
            *_copies(parts, copies, {}, (state,), {}),
            *(
                VoltageSource(name=meter, positive=DRIVE, negative=output_of(copy, state), waveform=0.0)
                for copy, meter in enumerate(meters)
            ),
        ),
        probes=(DRIVE,),
        metered=tuple(meters),
    )


def outputs_bench(
    neuron: Neuron, built: Realisation, scaling: Scaling, copies: int, weights: Sequence[float]
) -> Circuit:
    """Copies of a neuron's output stage, each behind the swept membrane and before synapses of some weights.

    The current of synapse k of a copy is read at the node `current<k>_<copy>`, over SENSE_VOLTAGE/I0.
    """
    parts = parts_alone(built, ["output"], [one.name for one in neuron.states])
    state = input_state(neuron).name
    if built.synapses is None:
        raise ValueError(f"neuron {neuron.name} has no synapses of amplifiers")
    ends = [f"current{index}" for index in range(len(weights))]
    placed = [
        built.synapses.place(
            f"x{end}_{copy}", axon=output_of(copy, AXON), out=output_of(copy, end), weight=weight
        )
        for copy in range(copies)
        for end, weight in zip(ends, weights, strict=True)
    ]
    made = [synapse for synapse in placed if synapse is not None]
    return Circuit(
        name="outputs_bench",
        title=f"{copies} copies of the output of a {neuron.name} neuron",
        subcircuits=(*built.cells, parts, *{one.subcircuit.name: one.subcircuit for one in made}.values()),
        models=built.models,
        temperature=built.temperature,
        corner=built.corner,
        devices=(
            *supplies(built),
            _source(SWEPT, DRIVE, 0.0),
            *_copies(parts, copies, {state: DRIVE}, (), {}),
            *(one.instance for one in made),
            *_loads(copies, ends, SENSE_VOLTAGE / scaling.current_unit),
        ),
        probes=tuple(output_of(copy, end) for copy in range(copies) for end in ends),
    )


def _source(name: str, node: str, value: float) -> VoltageSource:
    return VoltageSource(name=name, positive=node, negative=GROUND, waveform=value)


def _copies(
    subcircuit: Subcircuit, copies: int, shared: Mapping[str, str], own: Sequence[str],
    parameters: Mapping[str, float],
) -> list[Device]:  # fmt: skip
    """Instances whose pins are the supplies, what they share, and nodes of their own for all others."""

    def node(pin: Pin, copy: int) -> str:
        return shared.get(pin.name) or (
            pin.name if pin.name in (VDD, VSS) and pin.name not in own else output_of(copy, pin.name)
        )

    return [
        Instance(
            name=COPY.format(copy),
            subcircuit=subcircuit.name,
            connections={pin.name: node(pin, copy) for pin in subcircuit.pins},
            parameters=parameters,
        )
        for copy in range(copies)
    ]


def _loads(copies: int, ends: Sequence[str], resistance: float) -> list[Device]:
    return [
        Resistor(
            name=f"r_{output_of(copy, end)}",
            positive=output_of(copy, end),
            negative=GROUND,
            resistance=resistance,
        )
        for copy in range(copies)
        for end in ends
    ]
