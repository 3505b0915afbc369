"""Print the sheets of a bursting neuron and of its amplifier as xschem shows them: `python -m scripts.xschem_pictures`.

It needs xschem and Xvfb (`apt-get install xschem xvfb`), and writes `docs/xschem-neuron.png` and
`docs/xschem-amplifier.png`.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import matplotlib.image
import numpy as np

from circuits.networks.single import neuron_circuit
from circuits.realisations import realise
from circuits.technologies import technology
from conductance.neurons.presets import BURSTING
from netlists.analyses import OperatingPoint, Tolerances
from netlists.writing import write_netlist

DOCS = Path(__file__).resolve().parent.parent / "docs"
LIBRARY = "/usr/share/xschem/xschem_library"
PICTURES = {"bursting": "xschem-neuron.png", "ota10": "xschem-amplifier.png"}
MARGIN = 12


def main() -> None:
    """Write the pictures."""
    made_of = technology("generic_180nm")
    scaling = made_of.scaling()
    built = realise(BURSTING.neuron, "transistor", technology=made_of, scaling=scaling)
    circuit = neuron_circuit(BURSTING.neuron, -1.0, scaling=scaling, realisation=built)
    tolerances = Tolerances.scaled(
        voltage_unit=scaling.voltage_unit, current_unit=scaling.current_unit, capacitance=scaling.capacitance
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_netlist(circuit, OperatingPoint(), tolerances, dialect="xschem").write(folder)
        (folder / "rc").write_text(
            f"set XSCHEM_LIBRARY_PATH {LIBRARY}:{folder}\nset dark_colorscheme 0\nset draw_grid 0\n"
        )
        for sheet, picture in PICTURES.items():
            subprocess.run(
                ["xvfb-run", "-a", "-s", "-screen 0 1800x1300x24", "xschem", "-r", "-q", "--rcfile", "rc", "--png",
                 str(folder / f"{sheet}.sch")],
                cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            matplotlib.image.imsave(DOCS / picture, cropped(read_xpm(folder / "plot.xpm")))
            print(f"picture: docs/{picture}")


def read_xpm(path: Path) -> np.ndarray:
    """(row, column, 3) of an X pixmap, 0 to 255."""
    rows = re.findall(r'^"(.*)"', path.read_text("latin-1"), re.MULTILINE)
    width, height, colours, letters = map(int, rows[0].split()[:4])
    palette = {}
    for row in rows[1 : 1 + colours]:
        shade = row[letters:].split()[-1].lstrip("#")
        size = len(shade) // 3
        palette[row[:letters]] = [int(shade[k * size : k * size + 2], 16) for k in range(3)]
    pixels = [
        [palette[row[k * letters : (k + 1) * letters]] for k in range(width)] for row in rows[1 + colours :]
    ]
    return np.array(pixels[:height], np.uint8)


def cropped(picture: np.ndarray) -> np.ndarray:
    """Without what is empty around the sheet."""
    rows, columns = (picture.min(2) < 250).nonzero()
    top, left = max(0, rows.min() - MARGIN), max(0, columns.min() - MARGIN)
    return np.ascontiguousarray(picture[top : rows.max() + MARGIN, left : columns.max() + MARGIN])


if __name__ == "__main__":
    main()
