"""The studio in headless Chromium: from the pointer to the new picture, frames while dragging, ngspice's overlay, size.

    python -m benchmarks.studio [--json FILE]

The page is the exported one, opened from disk, at the bursting set and 10 000 steps a trace. Moves go through the
browser's own input pipeline; a move ends when every plot has been drawn. The overlay is that of the served page.
"""

import argparse
import json
import platform
import re
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browser import chromium, opened
from excitable.studio import export, serve
from excitable.studio.catalogue import catalogue

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

MOVES = 200
SECONDS = 5.0
GOALS = {
    "median_ms": 16.0,
    "worst_ms": 50.0,
    "frames_per_second": 30.0,
    "kilobytes": 150.0,
    "overlay_seconds": 1.0,
}
OVERLAYS = 5
EXAMPLE = "bursting"
DURATION = 2000
"""In tau_m, at 0.2 a step."""
LISTEN = """() => {
    const root = document.getElementById("studio");
    window.times = [];
    window.frames = 0;
    let moved = null;
    for (const name of ["pointermove", "input"]) root.addEventListener(name, (event) => {
        if (event.buttons || name === "input") moved ??= event.timeStamp;
    }, true);
    root.addEventListener("rendered", () => {
        window.frames += 1;
        if (moved !== null) window.times.push(performance.now() - moved);
        moved = null;
    });
}"""


def measure() -> dict[str, Any]:
    """All numbers of one run."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        path = export(Path(folder) / "studio.html")
        size = path.stat().st_size / 1000
        with opened(browser, path.as_uri()) as found:
            page = found.page
            page.select_option("header select", label=EXAMPLE)
            window = page.get_by_label("window, value")
            window.fill(str(DURATION))
            window.press("Enter")
            page.wait_for_timeout(1500)
            page.evaluate(LISTEN)
            handle = page.locator(".handle").first
            slider = page.locator(".slider input[type=range]").first
            times = _moves(page, handle, MOVES // 2) + _moves(page, slider, MOVES - MOVES // 2)
            frames = _dragging(page, handle)
            outside = [url for url in found.requests if not url.startswith(("file:", "blob:", "data:"))]
            return {
                "moves": len(times),
                "median_ms": sorted(times)[len(times) // 2],
                "worst_ms": max(times),
                "frames_per_second": frames,
                "kilobytes": size,
                "overlay_seconds": overlay_seconds(browser),
                "console_errors": found.faults,
                "requests_outside": outside,
                "browser": browser.version,
                "machine": f"{platform.machine()}, {platform.system()}",
            }


def overlay_seconds(browser: "Browser") -> float:
    """From the button to ngspice's trace on the screen, for the bursting set's usual window: median of 5."""
    server = serve(catalogue())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    times = []
    with opened(browser, server.address) as found:
        page = found.page
        page.select_option("header select", label=EXAMPLE)
        page.wait_for_timeout(3000)
        note, run = page.locator(".circuit span[role=status]"), page.get_by_role("button", name="Run ngspice")
        for _ in range(OVERLAYS):
            run.click()
            page.wait_for_timeout(3000)
            said = re.search(r"\(([\d.]+) s\)", note.inner_text())
            if said is None:
                raise RuntimeError(f"ngspice gave no trace: {note.inner_text()}")
            times.append(float(said.group(1)))
    server.shutdown()
    return sorted(times)[OVERLAYS // 2]


def _middle(thing: "Locator") -> tuple[float, float]:
    """The point by which it is taken, on the screen."""
    box = thing.bounding_box()
    if box is None:
        raise RuntimeError("the page does not show what is to be dragged")
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _moves(page: "Page", thing: "Locator", count: int) -> list[float]:
    """Milliseconds from each move to its picture, while the thing is dragged back and forth."""
    x, y = _middle(thing)
    page.evaluate("window.times = []")
    page.mouse.move(x, y)
    page.mouse.down()
    place = 0
    while len(page.evaluate("window.times")) < count:
        place += 1
        page.mouse.move(x + 20 * ((place % 20) - 10) / 10, y + 8 * ((place % 8) - 4) / 4)
        page.wait_for_timeout(15)
    page.mouse.up()
    return page.evaluate("window.times")[:count]


def _dragging(page: "Page", thing: "Locator") -> float:
    """Frames per second while a handle moves without a pause."""
    x, y = _middle(thing)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("window.frames = 0")
    begun = time.perf_counter()
    place = 0
    while time.perf_counter() - begun < SECONDS:
        place += 1
        page.mouse.move(x + 30 * ((place % 60) - 30) / 30, y)
    elapsed = time.perf_counter() - begun
    frames = page.evaluate("window.frames")
    page.mouse.up()
    return frames / elapsed


def table(found: dict[str, Any]) -> str:
    """The numbers beside their goals, as Markdown."""
    rows = ["| | measured | goal |", "|---|---|---|"]
    for name, goal in GOALS.items():
        relation = "at least" if name == "frames_per_second" else "at most"
        rows.append(f"| {name.replace('_', ' ')} | {found[name]:.3g} | {relation} {goal:g} |")
    rows += [
        f"| console errors | {len(found['console_errors'])} | 0 |",
        f"| requests that leave | {len(found['requests_outside'])} | 0 |",
    ]
    return "\n".join([*rows, "", f"Chromium {found['browser']}, {found['machine']}, {found['moves']} moves."])


def main() -> None:
    """Measure once, print the table, write the numbers where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="where the numbers go; the table goes beside it as .md")
    arguments = parser.parse_args()
    found = measure()
    print(table(found))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
        arguments.json.with_suffix(".md").write_text(table(found) + "\n")


if __name__ == "__main__":
    main()
