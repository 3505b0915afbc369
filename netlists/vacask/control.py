"""VACASK's control block: options, what is kept, initial voltages, the analysis.

Integration: of order up to 4. Adams-Moulton follows the smooth equations of behavioural neurons with a tenth of the
trapezoidal rule's steps, and crawls where amplifiers or switches make the circuit stiff: there backward differentiation
needs a third of the steps of the trapezoidal rule.
"""

import math
from collections.abc import Iterator, Mapping

from circuits.data.circuit import Circuit, CurrentSource, Instance, Mosfet, Subcircuit, Switch
from netlists.analyses import Analysis, DCSweep, OperatingPoint, SmallSignal, Tolerances, Transient
from netlists.verilog_a.module import Module
from netlists.writing.expressions import print_number, print_rounded
from netlists.writing.initial import initial_voltages
from netlists.writing.names import card_name, node_path

RESULT = "result"
"""Name of the analysis, and of the raw file."""
SWEPT = {"voltage": "swept_voltage", "current": "swept_current"}
"""Names of the first column of a DC sweep, by what is swept."""
FIRST_STEP = 5e-4
"""The first step, as a share of the largest: a long one misses what happens at once, and is never taken back."""
LTE_RATIO = 3.5
"""VACASK's own `tran_lteratio`, which `truncation` multiplies."""
_OPEN = -1.0


def control_lines(
    circuit: Circuit, analysis: Analysis, tolerances: Tolerances, modules: Mapping[str, Module]
) -> Iterator[str]:
    """The lines between `control` and `endc`."""
    numbers = {
        "reltol": tolerances.relative,
        "abstol": tolerances.current,
        "vntol": tolerances.voltage,
        "chgtol": tolerances.charge,
        "gmin": tolerances.conductance,
        "temp": circuit.temperature,
    }
    yield "abort always"
    # initial voltages are held by a conductance: by default they come out 1e-5 too small
    yield "options nr_force=1e9"
    yield "options " + " ".join(f"{name}={print_number(value)}" for name, value in numbers.items())
    method = "bdf" if _is_stiff(circuit) else "am"
    yield f'options tran_method="{method}" tran_maxord=4'
    if tolerances.truncation != 1:
        yield f"options tran_lteratio={print_number(LTE_RATIO * tolerances.truncation)}"
    # the check of residuals asks for more than double precision has: amplifiers of sky130 fail it already at rest
    yield "options nr_residualcheck=0"
    yield from (f"save v('{':'.join(node_path(circuit, probe))}')" for probe in circuit.probes)
    sources = {device.name: device for device in circuit.devices}
    yield from (f"save i({card_name(sources[name])})" for name in circuit.metered)
    match analysis:
        case OperatingPoint():
            yield f"analysis {RESULT} op"
        case DCSweep():
            device = sources[analysis.source]
            kind = "current" if isinstance(device, CurrentSource) else "voltage"
            ends = f"from={print_number(analysis.start)} to={print_number(analysis.stop)}"
            yield f'sweep {SWEPT[kind]} instance="{card_name(device)}" parameter="dc" {ends} mode="lin" ' + (
                f"points={analysis.points - 1}"
            )
            yield f"analysis {RESULT} op"
        case SmallSignal():
            ends = f"from={print_number(analysis.start)} to={print_number(_last_frequency(analysis))}"
            yield f'analysis {RESULT} ac {ends} mode="dec" points={analysis.points}'
        case Transient():
            yield _transient(analysis, _initial(circuit, modules))


def _last_frequency(analysis: SmallSignal) -> float:
    """The last of so many a decade: VACASK spreads its frequencies so that they end where it is told to."""
    steps = math.floor(analysis.points * math.log10(analysis.stop / analysis.start) + 1e-6)
    return analysis.start * 10 ** (steps / analysis.points)


def _is_stiff(circuit: Circuit) -> bool:
    """Whether there are amplifiers or switches, which bring time constants far below those of the neurons."""
    inner = [device for subcircuit in circuit.subcircuits for device in subcircuit.devices]
    return any(isinstance(device, Instance | Mosfet | Switch) for device in inner)


def _transient(analysis: Transient, initial: Mapping[str, float]) -> str:
    numbers = {
        "stop": analysis.stop,
        "step": FIRST_STEP * analysis.max_step,
        "maxstep": analysis.max_step,
        "start": analysis.start_save,
    }
    times = " ".join(f"{name}={print_rounded(value)}" for name, value in numbers.items())
    start = ",\n    ".join(f'"{node}", {print_rounded(value)}' for node, value in initial.items())
    return f"analysis {RESULT} tran {times}" + (f" ic={{{start}}}" if start else "")


def _initial(circuit: Circuit, modules: Mapping[str, Module]) -> dict[str, float]:
    """Initial voltages by VACASK's names, those of switches among them: all are open."""
    values = {node.replace(".", ":"): value for node, value in initial_voltages(circuit).items()}
    return values | dict.fromkeys(_latches(circuit, circuit, modules, ""), _OPEN)


def _latches(
    scope: Circuit | Subcircuit, circuit: Circuit, modules: Mapping[str, Module], path: str
) -> Iterator[str]:
    """Nodes of all switches' latches below a scope."""
    if isinstance(scope, Subcircuit) and scope.name in modules:
        made = modules[scope.name]
        inner = path if made.name == scope.name else f"{path}body:"
        yield from (f"{inner}{latch}" for latch in made.latches)
    for device in scope.devices:
        if isinstance(device, Instance):
            yield from _latches(
                circuit.subcircuit(device.subcircuit), circuit, modules, f"{path}{card_name(device)}:"
            )
