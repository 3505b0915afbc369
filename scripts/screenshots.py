"""Pictures of the studio, its tabs and the notebooks as apps, in light and dark, at two widths and the studio at three.

    python scripts/screenshots.py [FOLDER] [--run RUN] [--only WORD]

`make screenshots` writes them into build/screenshots and fails where something is cut off.
"""

import argparse
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.browser import CUT_OFF, chromium, opened
from excitable.runs.folder import RunError
from excitable.runs.series import SeriesRun
from excitable.studio import serve
from excitable.studio.catalogue import catalogue

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABS = ("Python", "TOML", "LaTeX", "SPICE", "Schematic", "Network")
EXAMPLES = ("bursting", "qif", "dqif")
LOOKS = tuple((width, dark) for width in (1280, 800) for dark in (False, True))
PHONE = tuple((390, dark) for dark in (False, True))
NOTEBOOKS = tuple(sorted(path for path in Path("notebooks").glob("*.py")))
PATIENCE_MS = 240_000
STARTING_MS = 5000
"""After which a notebook's first cell runs, and marimo shows that it does."""


def studio(browser: "Browser", folder: Path, run: SeriesRun | None) -> list[str]:
    """The studio with each example, each tab, and a perturbed neuron of the run; what is cut off, in words."""
    server = serve(catalogue(), run)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    faults = []
    for width, dark in (*LOOKS, *PHONE):
        with opened(browser, server.address, width=width, dark=dark) as found:
            page, look = found.page, look_of(width, dark)
            for example in EXAMPLES:
                page.select_option("header select", label=example)
                faults += shot(page, folder / f"studio-{example}-{look}.png", 900)
            page.select_option("header select", label="bursting")
            page.get_by_role("button", name="Run ngspice").click()
            page.wait_for_timeout(2500)
            for tab in TABS:
                page.get_by_role("tab", name=tab).click()
                faults += shot(page, folder / f"studio-tab-{tab.lower()}-{look}.png", 2000)
            if run is not None:
                page.get_by_role("button", name="perturb 1", exact=True).click()
                faults += shot(page, folder / f"studio-perturbed-{look}.png", 2000)
            faults += [f"{look}, console: {fault}" for fault in found.faults]
    server.shutdown()
    return faults


def notebook(browser: "Browser", folder: Path, path: Path) -> list[str]:
    """A notebook as an app, once all its cells have run; it runs once for all looks."""
    faults = []
    with as_app(path) as address, opened(browser, address) as found:
        page = found.page
        page.wait_for_selector("[data-cell-id]", state="attached", timeout=PATIENCE_MS)
        page.wait_for_timeout(STARTING_MS)
        page.wait_for_selector("[data-testid=loading-indicator]", state="detached", timeout=PATIENCE_MS)
        for width, dark in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if dark else "light")
            faults += shot(page, folder / f"notebook-{path.stem}-{look_of(width, dark)}.png", 4000)
    return faults


@contextmanager
def as_app(path: Path) -> Iterator[str]:
    """marimo serving a notebook on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "marimo",
        "run",
        str(path),
        "--headless",
        "--no-token",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(120):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def look_of(width: int, dark: bool) -> str:
    """Part of a file's name."""
    return f"{width}-{'dark' if dark else 'light'}"


def shot(page: "Page", path: Path, settle_ms: int) -> list[str]:
    """Write the whole page, however long; return what is cut off."""
    page.wait_for_timeout(settle_ms)
    size = page.viewport_size or {"width": 1280, "height": 900}
    tallest = page.evaluate("Math.max(...[...document.querySelectorAll('*')].map((e) => e.scrollHeight))")
    page.set_viewport_size({"width": size["width"], "height": min(int(tallest) + 50, 12_000)})
    page.wait_for_timeout(400)
    page.screenshot(path=path, full_page=True)
    faults = [f"{path.name}: {each}" for each in page.evaluate(CUT_OFF)]
    page.set_viewport_size(size)
    return faults


def main() -> int:
    """Write all pictures; 1 where something is cut off."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/screenshots"))
    parser.add_argument("--run", default="demo", help="the run whose network is shown")
    parser.add_argument("--only", default="", help="studio, or a part of a notebook's name")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    try:
        run = SeriesRun.find(chosen.run)
    except RunError as error:
        print(f"without a network: {error}")
        run = None
    faults = []
    with chromium() as browser:
        if not chosen.only or chosen.only == "studio":
            faults += studio(browser, chosen.folder, run)
        for path in NOTEBOOKS:
            if chosen.only in path.stem and chosen.only != "studio":
                faults += notebook(browser, chosen.folder, path)
    print("\n".join([*faults, f"{len(list(chosen.folder.glob('*.png')))} pictures in {chosen.folder}"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
