"""A headless Chromium for tests and benchmarks: the system's, found on the path; no browser is downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = "Chromium is missing: `make chromium` installs it, or names the package to install"


def find_browser() -> str | None:
    """The path of a Chromium, from the variable CHROMIUM or the search path; None where there is none."""
    given = os.environ.get("CHROMIUM")
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


CUT_OFF = """(() => {
    const shown = (e) => e.getClientRects().length > 0 && e.checkVisibility({ visibilityProperty: true });
    const called = (e) => `${e.tagName.toLowerCase()}.${e.className} "${e.textContent.trim().slice(0, 30)}"`;
    const rolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
    const scrolls = (e) => e && (rolls(e) || scrolls(e.parentElement));
    const all = [...document.querySelectorAll(".excitable-studio *")].filter(shown);
    const found = [];
    for (const e of all) {
        if (scrolls(e)) continue;
        const box = e.getBoundingClientRect();
        if (box.right > innerWidth + 1 || box.left < -1) found.push(`beyond the edge: ${called(e)}`);
        const text = e.matches("input[type=text]") || (e.children.length === 0 && e.textContent.trim());
        if (text && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")
            found.push(`text is cut off: ${called(e)} ${e.value ?? ""}`);
    }
    const parts = ".slider > *, header > *, header button, .circuit > *, figure, .tabs button";
    const blocks = all.filter((e) => e.matches(parts));
    blocks.forEach((a, i) => blocks.slice(i + 1).forEach((b) => {
        if (a.contains(b)) return;
        const [p, q] = [a.getBoundingClientRect(), b.getBoundingClientRect()];
        const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (wide > 1 && high > 1) found.push(`overlap: ${called(a)} and ${called(b)}`);
    }));
    return found;
})()"""
"""JavaScript that lists what of the studio is cut off, beyond the page's edge, or on top of another part."""


@contextmanager
def chromium() -> "Iterator[Browser]":
    """A running browser, without the sandbox of its own that containers do not allow."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A page with what it complained of and what it asked the network for."""

    page: "Page"
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def heard(self, message: "ConsoleMessage") -> None:
        """Keep an error of the console."""
        if message.type == "error":
            self.faults.append(message.text)


@contextmanager
def opened(
    browser: "Browser", address: str, *, width: int = 1280, height: int = 900, dark: bool = False
) -> Iterator[Opened]:
    """The page at an address, once it has loaded."""
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    found = Opened(page=page)
    page.on("pageerror", lambda error: found.faults.append(str(error)))
    page.on("console", lambda message: found.heard(message))
    page.on("request", lambda request: found.requests.append(request.url))
    page.goto(address)
    yield found
    page.close()
