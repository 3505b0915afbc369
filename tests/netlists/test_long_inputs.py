"""Long held inputs are read from a file, as exactly as from `pwl`; large circuits ask for KLU."""

import numpy as np
import pytest
from netlist_examples import TAU, V0

from circuits.data.circuit import (
    Capacitor,
    Circuit,
    HeldWaveform,
    Instance,
    Pin,
    Resistor,
    Subcircuit,
    VoltageSource,
)
from netlists.analyses import Tolerances, Transient
from netlists.ngspice.passes.held_inputs import LONGEST, clock_lines
from netlists.simulation import simulate
from netlists.writing import write_netlist

pytestmark = pytest.mark.simulator
HOLD = 5.0


def _circuit(values, negative="0"):
    """An RC of one tau_m behind a held voltage."""
    hold = HOLD * TAU
    waveform = HeldWaveform(
        times=tuple(hold * k for k in range(len(values))), values=tuple(values), edge=1e-3 * hold
    )
    return Circuit(
        name="rc",
        devices=(
            VoltageSource(name="v_x", positive="x", negative=negative, waveform=waveform),
            *((VoltageSource(name="v_low", positive=negative, negative="0", waveform=0.0),) if negative != "0" else ()),
            Resistor(name="r", positive="x", negative="um", resistance=V0 / 1e-9),
            Capacitor(name="c", positive="um", negative="0", capacitance=1e-12),
        ),
        initial={"um": 0.0},
        probes=("x", "um"),
    )  # fmt: skip


def _netlist(values, relative, **changes):
    tolerances = Tolerances.scaled(voltage_unit=V0, current_unit=1e-9, capacitance=1e-12, relative=relative)
    analysis = Transient(stop=len(values) * HOLD * TAU, max_step=TAU)
    return write_netlist(_circuit(values, **changes), analysis, tolerances)


def _closed_form(values, time):
    """The RC's voltage in V at times in tau_m."""
    ends = np.zeros(len(values) + 1)
    for k, value in enumerate(values):
        ends[k + 1] = value + (ends[k] - value) * np.exp(-HOLD)
    k = np.minimum((time / HOLD + 1e-9).astype(int), len(values) - 1)
    held = np.asarray(values)[k]
    return held + (ends[k] - held) * np.exp(-(time - HOLD * k))


@pytest.mark.parametrize("relative", [1e-3, 1e-6])
def test_an_input_of_a_file_is_as_exact_as_pwl(relative):
    """An RC behind 1200 holds: not further from the closed form than with `pwl`, at any tolerance."""
    values = (np.random.default_rng(0).normal(size=LONGEST + 200) * V0).tolist()
    errors = {}
    for name, negative in (("file", "0"), ("pwl", "low")):
        netlist = _netlist(values, relative, negative=negative)
        assert ("pwl(" in netlist.files["rc_bench.cir"]) == (name == "pwl")
        waveforms = simulate(netlist).require()
        time = waveforms["time"].to_numpy() / TAU
        errors[name] = np.abs(
            waveforms["voltage"].sel(node="um").to_numpy() - _closed_form(values, time)
        ).max()
    assert errors["file"] < 1.01 * errors["pwl"] + 1e-6 * V0
    assert errors["file"] < 0.02 * V0


def test_short_inputs_stay_in_the_bench():
    """Up to 1000 holds are written into the bench, which then needs no other file."""
    assert set(_netlist([0.0, 0.1] * (LONGEST // 2), 1e-6).files) == {"rc.lib", "rc.cir", "rc_bench.cir"}
    assert "rc_v_x.txt" in _netlist([0.0, 0.1] * LONGEST, 1e-6).files


def test_klu_is_asked_for_and_harmless_without():
    """40 RC cells ask for KLU; whether the simulator has it or not, each is the closed form."""
    cell = Subcircuit(
        name="cell",
        pins=(Pin(name="x"), Pin(name="um")),
        devices=(
            Resistor(name="r", positive="x", negative="um", resistance=V0 / 1e-9),
            Capacitor(name="c", positive="um", negative="0", capacitance=1e-12),
        ),
        initial={"um": 0.0},
    )
    cells = [
        Instance(name=f"x{k}", subcircuit="cell", connections={"x": "x", "um": f"um{k}"}) for k in range(40)
    ]
    source = VoltageSource(name="v_x", positive="x", negative="0", waveform=V0)
    circuit = Circuit(name="many", subcircuits=(cell,), devices=(source, *cells), probes=("um0", "um39"))
    tolerances = Tolerances.scaled(voltage_unit=V0, current_unit=1e-9, capacitance=1e-12)
    netlist = write_netlist(circuit, Transient(stop=3 * TAU, max_step=0.02 * TAU), tolerances)
    assert ".options klu" in netlist.files["many_bench.cir"]
    waveforms = simulate(netlist).require()
    time = waveforms["time"].to_numpy() / TAU
    for node in ("um0", "um39"):
        assert np.abs(waveforms["voltage"].sel(node=node) - V0 * (1 - np.exp(-time))).max() < 1e-3 * V0
    assert waveforms.attrs["solver"] in ("KLU", "sparse")


def test_the_clock_has_an_edge_at_every_hold():
    """Up at one hold and down at the next, as the input has its edges, half before and half after."""
    circuit = _circuit([0.0, 1.0])
    (waveform,) = [d.waveform for d in circuit.devices if d.name == "v_x"]
    (line,) = clock_lines([waveform], circuit)
    numbers = line.partition("pulse(")[2].rstrip(")").split()
    low, high, first, rise, fall, width, period = map(float, numbers)
    ups = first + period * np.arange(4)
    begins = np.sort(np.concatenate([ups, ups + rise + width]))
    hold, edge = waveform.times[1], waveform.edge
    assert (low, high, rise, fall) == (0, 1, edge, edge)
    assert begins == pytest.approx(hold * np.arange(1, 9) - edge / 2, rel=1e-12)
