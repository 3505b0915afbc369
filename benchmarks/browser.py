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
