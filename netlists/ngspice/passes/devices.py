"""Pass: cards of the top level; independent sources belong to the test bench, all others to the circuit."""

from circuits.data.circuit import CurrentSource, HeldWaveform, VoltageSource
from netlists.ngspice.draft import Draft
from netlists.ngspice.passes.elements import card
from netlists.ngspice.passes.held_inputs import clock_lines, file_name, is_long, source_lines, values_text


def add_devices(draft: Draft) -> Draft:
    """Sections `devices` and `sources`; the values of long inputs become files."""
    circuit = draft.circuit
    definitions = {subcircuit.name: subcircuit for subcircuit in circuit.subcircuits}
    sources = [d for d in circuit.devices if isinstance(d, VoltageSource | CurrentSource)]
    others = [d for d in circuit.devices if not isinstance(d, VoltageSource | CurrentSource)]
    lines: list[str] = []
    long: dict[str, HeldWaveform] = {}
    for source in sources:
        if (
            isinstance(source, VoltageSource)
            and isinstance(source.waveform, HeldWaveform)
            and is_long(source, circuit)
        ):
            lines += source_lines(source, circuit)
            long[file_name(source, circuit)] = source.waveform
        else:
            lines.append(card(source, definitions))
    lines += clock_lines(list(long.values()), circuit)
    files = {name: values_text(waveform) for name, waveform in long.items()}
    return (
        draft.with_section("devices", (card(d, definitions) for d in others))
        .with_section("sources", lines)
        .with_files(files)
    )
