"""Pass: the analysis line."""

from circuits.data.circuit import Circuit
from netlists.analyses import DCSweep, Noise, OperatingPoint, SmallSignal, Transient
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_number, print_rounded
from netlists.ngspice.names import spice_node
from netlists.writing.comments import engineering, trailing
from netlists.writing.names import card_name


def add_analysis(draft: Draft) -> Draft:
    """Section `analysis`: `.op`, `.tran`, `.dc`, `.ac` or `.noise`."""
    match draft.analysis:
        case OperatingPoint():
            line = ".op"
        case Transient() as analysis:
            line = _transient(analysis)
        case DCSweep() as analysis:
            line = _sweep(analysis, draft.circuit)
        case SmallSignal() as analysis:
            line = f".ac {_band(analysis)}"
        case Noise() as analysis:
            node, source = spice_node(draft.circuit, analysis.node), _source(draft.circuit, analysis.source)
            # the last number asks for the share of each device at every frequency
            line = f".noise v({node}) {source} {_band(analysis)} 1"
    return draft.with_section("analysis", [line])


def _transient(analysis: Transient) -> str:
    step = analysis.max_step if analysis.step is None else analysis.step
    numbers = (step, analysis.stop, analysis.start_save, analysis.max_step)
    words = f"until {engineering(analysis.stop, 's')} with steps up to {engineering(analysis.max_step, 's')}"
    return f".tran {' '.join(print_rounded(number) for number in numbers)}{trailing(words)}"


def _band(analysis: SmallSignal | Noise) -> str:
    return f"dec {analysis.points} {print_number(analysis.start)} {print_number(analysis.stop)}"


def _source(circuit: Circuit, name: str) -> str:
    return next(card_name(device) for device in circuit.devices if device.name == name)


def _sweep(analysis: DCSweep, circuit: Circuit) -> str:
    source = _source(circuit, analysis.source)
    return f".dc {source} " + " ".join(
        print_number(v) for v in (analysis.start, analysis.stop, analysis.step)
    )
