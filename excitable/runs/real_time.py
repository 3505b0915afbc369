"""The circuit's time when the data have seconds: one sample fixes tau_m, and with it a capacitor or a current."""

from circuits.data.scaling import Scaling
from circuits.realisations.filters import network_with_filter_current
from conductance.layers import NeuronLayer
from conductance.networks import Network
from conductance.neurons.base import Neuron
from conductance.neurons.spiking import is_linear
from conductance.tasks import TaskData
from excitable.config.circuit import CircuitSection

LARGE, SMALL = 100e-12, 1e-15
"""Farads: above it a capacitor is too large for a chip (at 1 fF/um2 it is 0.1 mm2), below it its wires have more."""
OFF = 0.01
"""Largest relative difference between the data's time and the circuit's that counts as the same."""


def in_real_time(circuit: CircuitSection, data: TaskData, dt: float) -> CircuitSection:
    """The section with the membrane time constant that the data's seconds ask for, where nothing else fixes it.

    Args:
        circuit: as the configuration has it.
        data: of the task.
        dt: the model's step in tau_m.
    """
    fixed = {"capacitance", "current_unit"} <= circuit.model_fields_set or circuit.tau_m is not None
    if data.seconds is None or fixed:
        return circuit
    return circuit.model_copy(update={"tau_m": data.seconds / dt})


def time_remarks(network: Network, circuit: CircuitSection, data: TaskData, dt: float) -> list[str]:
    """What the data's time means for the circuit, or what time the circuit has by itself; and where that is absurd.

    Args:
        network: the trained one.
        circuit: with the data's time where they have one, see `in_real_time`.
        data: of the task.
        dt: the model's step in tau_m.
    """
    scaling = circuit.scaling()
    if data.seconds is None:
        return [f"the circuit has {circuit.time_text(dt)}", *_absurd(network, circuit, scaling)]
    wanted = data.seconds / dt
    remarks = [
        f"one step of {data.seconds:.4g} s is {dt:g} tau_m, so tau_m = {wanted:.4g} s; the circuit has "
        f"{circuit.time_text(dt)}"
    ]
    if abs(scaling.time_unit / wanted - 1) > OFF:
        remarks.append(
            f"the circuit is {wanted / scaling.time_unit:.4g} times as fast as the data; leave out circuit.tau_m, or "
            f"one of capacitance and current_unit, for real time"
        )
    return remarks + _absurd(network, circuit, scaling)


def _absurd(network: Network, circuit: CircuitSection, scaling: Scaling) -> list[str]:
    """Capacitors that no chip has, and what to change: whichever of C and I0 the other follows from."""
    key = "capacitance" if circuit.given_capacitor else "current_unit"
    if circuit.filter_current is not None:
        network = network_with_filter_current(network, circuit.filter_current / scaling.current_unit)
    largest = max(
        _largest(name, layer) for name, layer in network.chain.items() if isinstance(layer, NeuronLayer)
    )
    capacitor, place = largest[0] * scaling.capacitance, largest[1]
    found = []
    if capacitor > LARGE:
        found.append(
            f"the largest capacitor, {place}, is {capacitor:.3g} F, too large for a chip (above {LARGE:.0e} F): give "
            f"its filter a small bias, circuit.filter_current (`excitable plan` says which), lower circuit.{key} by "
            f"{capacitor / LARGE:.3g}, raise network.dt, or use an external one"
        )
    if scaling.capacitance < SMALL:
        found.append(
            f"the membrane's capacitor is {scaling.capacitance:.3g} F, less than its wires have (below {SMALL:.0e} F): "
            f"raise circuit.{key}, or lower network.dt"
        )
    return found


def _largest(label: str, layer: NeuronLayer) -> tuple[float, str]:
    """The largest capacitor of a layer in units of the membrane's, and where it is."""
    neuron: Neuron = layer.neuron
    kind = "filter" if is_linear(neuron) else "neuron"
    columns = {name: value.detach().double().tolist() for name, value in layer.values().items()}
    found = (0.0, "")
    for state in neuron.states:
        symbols = {p.symbol: p.name for p in neuron.parameters if p.symbol in state.capacity.free_symbols}
        for index in range(layer.size):
            size = float(
                state.capacity.subs({symbol: columns[name][index] for symbol, name in symbols.items()})
            )
            found = max(found, (size, f"{state.name} of {kind} {label}_{index}"))
    return found
