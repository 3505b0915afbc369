"""The page of energies: ours quoted from the pages of studies, others from their publications."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studies.base import Runner
from studies.pages import table
from studies.quotes import Quote


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One energy.

    Attributes:
        what: was built or simulated, and for what.
        energy: a quotation of ours, or words of a publication.
        counted, left_out: what it holds and what it does not.
        source: of a publication; empty for ours.
    """

    what: str
    energy: Quote | str
    counted: str
    left_out: str
    source: str = ""


OURS = (
    Entry(
        what="8 MTC neurons and a readout find R peaks of an ECG, 100 decisions a second; simulated transistors of "
        "generic 180 nm at 1.8 V",
        energy=Quote(study="ecg", pattern=r"\*\*([\d.]+ pJ per decision)\*\*"),
        counted="all current that the supply gives to neurons, weights and readout, idle time included",
        left_out="inputs, encoder biases and the output's filter (ideal sources); bias generation, pads, layout",
    ),
    Entry(
        what="the same per beat of the recording",
        energy=Quote(study="ecg", pattern=r"per beat of the recording ([\d.]+ nJ)"),
        counted="as above, over all steps of a beat",
        left_out="as above",
    ),
    Entry(
        what="64-32-10 DQIF network on digits, 4 steps, as a clocked circuit; behavioural",
        energy=Quote(study="dqif-circuit", pattern=r"^\| DQIF \| [\d.]+ \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|"),
        counted="C dV of the capacitors, weight currents, bias currents of amplifiers, multiplier and comparator, by "
        "formula",
        left_out="switch drivers, clock tree, bias generation; no transistor was simulated",
    ),
    Entry(
        what="its leaky twin",
        energy=Quote(study="dqif-circuit", pattern=r"^\| leaky twin \| [\d.]+ \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|"),
        counted="as above",
        left_out="as above",
    ),
)  # fmt: skip
OTHERS = (
    Entry(
        what="Xylo Audio 2, digital spiking processor, a spoken keyword",
        energy="6.6 uJ",
        counted="dynamic power of an inference (291 uW), measured on the chip",
        left_out="its idle power; the microphone",
        source="arXiv 2406.15112",
    ),
    Entry(
        what="mixed-signal spiking processor, 65 nm, a classification",
        energy="12.92 nJ",
        counted="not known to us",
        left_out="not known to us",
        source="doi 10.1109/TCSII.2023.3252501",
    ),
    Entry(
        what="BrainScaleS-2, analog products of a convolutional network, an ECG of a patient",
        energy="192 uJ",
        counted="the chip over 276 us, measured",
        left_out="the rest of the mobile system, which takes 5.6 W",
        source="doi 10.1109/OJCAS.2022.3208413",
    ),
    Entry(
        what="IFAT, 65 000 analog neurons with events for synapses, a spike",
        energy="22 pJ",
        counted="a synaptic event at the highest rate, measured on the chip",
        left_out="the routing table, which lies outside and has the weights",
        source="doi 10.3389/fnins.2023.1198306",
    ),
)
"""By their abstracts; we have not read in full how each was measured."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Nothing is spent: pages are read."""


BUDGETS: Mapping[str, Budget] = MappingProxyType({"reduced": Budget(), "smoke": Budget()})


def read(budget: Budget, runner: Runner) -> tuple[str, ...]:
    """What the pages say now of each entry of ours.

    Raises:
        ExcitableError: a page says nothing of the kind any more.
    """
    return tuple(entry.energy.text() for entry in OURS if isinstance(entry.energy, Quote))


def page(told: tuple[str, ...]) -> str:
    """The page below its title."""
    rows = []
    for entry, energy in zip((*OURS, *OTHERS), (*told, *(entry.energy for entry in OTHERS)), strict=True):
        source = entry.energy.link if isinstance(entry.energy, Quote) else entry.source
        unit = " pJ an inference" if str(energy).isdigit() else ""
        rows.append((entry.what, f"{energy}{unit}", entry.counted, entry.left_out, source))
    return "\n".join(
        [
            "Ours are simulated and quoted from the pages of studies by the program that writes this one; the others "
            "are measured chips, quoted from the abstracts of their publications: what is counted there is our "
            "reading. The tasks, sizes and technologies differ, so a ratio of two rows says little. A "
            "simulated cell leaves out what a chip cannot: bias generation, pads, wires, memory of the weights, and "
            "the margin for mismatch.",
            "",
            *table(("what", "energy", "counted", "not counted", "source"), rows),
        ]
    )
