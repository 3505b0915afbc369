"""Raw files of a simulator: of the kinds that are wrong, with other numbers each time, and bytes changed anywhere."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from netlist_examples import SCALED, rc_circuit
from outcomes import Outcomes
from wrong_raw_files import WRONG

from netlists.analyses import Transient
from netlists.netlist import Netlist
from netlists.simulation import simulate
from netlists.simulation.answer import answer
from netlists.waveforms.raw import read_raw
from netlists.writing import write_netlist

NETLIST = write_netlist(rc_circuit(0.0, start=0.1, name="rc"), Transient(stop=1e-3, max_step=1e-5), SCALED)


def make(folder: Path) -> bytes:
    """A right file."""
    run = simulate(NETLIST, keep=folder)
    run.require()
    return (folder / "output.raw").read_bytes()


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, int]:
    """A kind of fault and a seed of its random numbers."""
    return draw(st.sampled_from(["header byte", *WRONG])), draw(st.integers(0, 2**32 - 1))


def use(path: Path, netlist: Netlist) -> None:
    """What a simulation does with its raw file."""
    answer(read_raw(path), netlist)


def judge(outcomes: Outcomes, right: bytes, path: Path, case: tuple[str, int]) -> None:
    """One case; a changed byte of the header may leave it right, as in its date."""
    kind, seed = case
    rng = np.random.default_rng(seed)
    if kind == "header byte":
        spoiled = bytearray(right)
        spoiled[rng.integers(right.index(b"Binary:"))] = rng.integers(256)
        path.write_bytes(bytes(spoiled))
    else:
        path.write_bytes(WRONG[kind](right, rng))
    outcomes.judge(kind, case, lambda: use(path, NETLIST), wrong=kind != "header byte")
