"""Technologies as files: what they offer and how their faults are named."""

import math
import tomllib
from pathlib import Path

import pytest

import circuits.technologies as technologies
from circuits.data.amplifier import AmplifierModel
from circuits.data.circuit import CircuitError
from circuits.technologies import TechnologyError, read_technology, technology, technology_names

FOLDER = Path(technologies.__file__).parent
WITH_TRANSISTORS = [name for name in technology_names() if technology(name).nmos is not None]


def test_every_file_is_a_technology_of_its_own_name():
    """The list of technologies is the list of files, and none is broken."""
    assert {"ideal", "generic_180nm"} <= set(technology_names())
    for name in technology_names():
        found = technology(name)
        assert found.name == name
        assert found.scaling().voltage_unit == found.amplifier.voltage_unit
        assert found.source


def test_ideal_has_no_transistors():
    """The error says which level can be had instead."""
    with pytest.raises(TechnologyError, match=r"technology ideal has no nmos.*macromodel"):
        technology("ideal").model_cards()


@pytest.mark.parametrize("name", WITH_TRANSISTORS)
@pytest.mark.parametrize("polarity", ["nmos", "pmos"])
@pytest.mark.parametrize("current", [1e-10, 1e-9, 1e-8, 1e-7, 1e-6])
def test_widths_keep_weak_inversion_and_matching(name, polarity, current):
    """Inversion and threshold sigma stay within the sizing's limits, and the width is no more than that needs."""
    process = technology(name)
    kind = process.transistor(polarity)
    width = process.width(polarity, current)
    inversion = current * kind.length / width / kind.specific_current
    sigma = kind.pelgrom_threshold / math.sqrt(width * kind.length)
    assert inversion <= process.sizing.inversion * (1 + 1e-9)
    assert sigma <= process.sizing.offset_sigma * (1 + 1e-9)
    assert (
        width == kind.width
        or max(inversion / process.sizing.inversion, sigma / process.sizing.offset_sigma) > 0.95
    )


def test_thermal_voltage():
    """25.9 mV at 27 degrees Celsius."""
    assert technology("ideal").thermal_voltage == pytest.approx(25.865e-3, rel=1e-3)


def write(path: Path, old: str, new: str) -> Path:
    text = (FOLDER / "generic_180nm.toml").read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('model = "nch"\n', "", "nmos.model is missing"),
        ('model = "nch"', 'model = "nch .end"', "nmos.model = 'nch .end'"),
        ("supply = 1.8", "supply = -1.8", "supply = -1.8.*greater than 0"),
        ("supply = 1.8", "suply = 1.8", "suply is no known key"),
        ("vth0 = 0.42", 'vth0 = "high"', "nmos.card.parameters.vth0 = 'high'"),
        ("early_voltage = 38.0", "early_voltage = -38.0", "(amplifier|follower).*early_voltage"),
        ("early_voltage = 38.0", "erly_voltage = 38.0", "amplifier.*erly_voltage"),
        ("[pmos.card]\nlevel = 8", "[pmos.card]\nlevel = 0", "pmos.card.level"),
    ],
)
def test_faults_are_named_with_file_and_key(tmp_path, old, new, words):
    """The error names the file, the key, what it holds and what is allowed."""
    path = write(tmp_path / "mine.toml", old, new)
    with pytest.raises(TechnologyError, match=f"(?s)mine.toml.*{words}"):
        read_technology(path)


def test_all_faults_are_named_at_once(tmp_path):
    """A file with two faults names both."""
    path = write(tmp_path / "mine.toml", "supply = 1.8", "supply = 0")
    path.write_text(path.read_text().replace("grid = 1e-8", "grit = 1e-8"))
    with pytest.raises(TechnologyError, match=r"(?s)supply.*grit|grit.*supply"):
        read_technology(path)


@pytest.mark.parametrize(
    ("content", "words"), [(b"name = ", "no TOML"), (b"\xff\xfe", "no TOML"), (None, "No such")]
)
def test_unreadable_files_are_named(tmp_path, content, words):
    """Also a file that is no TOML, or not there, is one clear error."""
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TechnologyError, match=f"mine.toml.*{words}"):
        technology(str(path))


def test_unknown_technology_lists_the_known():
    """A wrong name is answered by the right ones."""
    with pytest.raises(TechnologyError, match="'tsmc'.*" + ", ".join(technology_names())):
        technology("tsmc")


def test_cards_state_their_origin():
    """Every card says where its numbers come from, and is a full card below threshold."""
    for name in technology_names():
        content = tomllib.loads((FOLDER / f"{name}.toml").read_text())
        for polarity in ("nmos", "pmos"):
            if polarity in content:
                origin = content[polarity].get("card") or content[polarity]["library"]
                assert len(origin["source"]) > 40
                if "card" in content[polarity]:
                    assert {"tox", "nch", "vth0", "voff", "nfactor"} <= set(origin["parameters"])


@pytest.mark.parametrize(
    "changes",
    [{"gain": 0.0}, {"offset": math.inf}, {"headroom": -1.0}, {"voltage_unit": math.nan}, {"gain": "1"}],
)
def test_amplifier_refuses_what_is_no_amplifier(changes):
    """The error names the number."""
    with pytest.raises(CircuitError, match=next(iter(changes))):
        AmplifierModel(**changes)


def test_a_digest_changes_with_every_number():
    """Supply, temperature, corner and a transistor's length make another technology; the same one keeps its digest."""
    generic = technology("generic_180nm")
    longer = generic.model_copy(update={"nmos": generic.nmos.model_copy(update={"length": 3e-6})})
    others = [generic.at(supply=1.7), generic.at(temperature=60.0), generic.at(corner="ss"), longer]
    assert len({generic.digest, *(other.digest for other in others)}) == 5
    assert technology("generic_180nm").digest == generic.digest
