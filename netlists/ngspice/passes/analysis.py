"""Pass: the analysis line."""

from circuits.data.circuit import Circuit
from netlists.analyses import DCSweep, OperatingPoint, SmallSignal, Transient
from netlists.ngspice.draft import Draft
from netlists.ngspice.expressions import print_number, print_rounded
from netlists.writing.comments import engineering, trailing
from netlists.writing.names import card_name


def add_analysis(draft: Draft) -> Draft:
    """Section `analysis`: `.op`, `.tran`, `.dc` or `.ac`."""
    match draft.analysis:
        case OperatingPoint():
            line = ".op"
        case Transient() as analysis:
            line = _transient(analysis)
        case DCSweep() as analysis:
            line = _sweep(analysis, draft.circuit)
        case SmallSignal() as analysis:
            line = f".ac dec {analysis.points} {print_number(analysis.start)} {print_number(analysis.stop)}"
    return draft.with_section("analysis", [line])


def _transient(analysis: Transient) -> str:
    step = analysis.max_step if analysis.step is None else analysis.step
    numbers = (step, analysis.stop, analysis.start_save, analysis.max_step)
    words = f"until {engineering(analysis.stop, 's')} with steps up to {engineering(analysis.max_step, 's')}"
    return f".tran {' '.join(print_rounded(number) for number in numbers)}{trailing(words)}"


def _sweep(analysis: DCSweep, circuit: Circuit) -> str:
    source = next(card_name(device) for device in circuit.devices if device.name == analysis.source)
    return f".dc {source} " + " ".join(
        print_number(v) for v in (analysis.start, analysis.stop, analysis.step)
    )
