"""A real browser without a screen, and what it asked for and complained of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NEEDED = "VPNS_NEEDS_BROWSER"  # set where a missing browser is a fault
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE = 30_000  # milliseconds


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; skips the test where it is not installed, or fails it where that is a fault."""
    executable = shutil.which("chromium")
    if executable is None:
        _missing("chromium is not installed; apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


def _missing(reason: str) -> NoReturn:
    if os.environ.get(NEEDED):
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Window:
    """A page with all that it asked for, and its errors.

    Attributes:
        page: of Playwright.
        requests: their addresses.
        errors: of its console, and those that nothing caught.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def of(cls, browser: Browser, width: int = 1280, theme: str = "light") -> Iterator[Window]:
        """A new window of a browser; the theme is "light" or "dark"."""
        context = browser.contexts[0] if browser.contexts else browser.new_context()  # which keeps the page's scripts
        context.set_default_timeout(PATIENCE)
        window = cls(context.new_page())
        window.page.set_viewport_size({"width": width, "height": 900})
        window.page.emulate_media(color_scheme=theme)
        window.page.on("request", lambda request: window.requests.append(request.url))
        window.page.on("pageerror", lambda error: window.errors.append(str(error)))
        window.page.on("console", lambda said: window.errors.append(said.text) if said.type == "error" else None)
        yield window
        window.page.close()

    def open(self, address: str) -> None:
        """Opens an address of the page; returns once it shows what the address says."""
        self.page.goto(address)
        self.page.add_style_tag(content="* {transition: none !important; animation: none !important}")
        self.page.locator("#address[data-started]").wait_for(state="attached")

    def tab(self, name: str) -> None:
        """Clicks on the head of a section."""
        self.page.get_by_role("tab", name=name, exact=True).click()

    def out_of_reach(self) -> list[str]:
        """The controls that can be seen and that the tab key does not reach, as HTML."""
        controls: list[str] = self.page.evaluate(MARK_CONTROLS)
        self.page.evaluate("document.activeElement.blur()")
        reached = set()
        for _ in range(len(controls) + 5):
            self.page.keyboard.press("Tab")
            reached.add(self.page.evaluate("document.activeElement.dataset.stop"))
        return [html for place, html in enumerate(controls) if str(place) not in reached]


# Of a group of radio buttons the tab key reaches the one that is checked; arrows do the rest.
MARK_CONTROLS = """[...document.querySelectorAll('button, a[href], input, select, textarea, [tabindex="0"]')]
  .filter(element => element.checkVisibility({checkVisibilityCSS: true}) && !element.disabled
    && element.tabIndex >= 0 && !(element.type === 'radio' && !element.checked))
  .map((element, place) => { element.dataset.stop = place; return element.outerHTML.slice(0, 200); })"""
