"""A real Chromium, and a site for it to look at."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

import psutil
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Playwright,
    sync_playwright,
)

from tests.dashboard.site import Site, serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TEST_WITHIN_S = 120
CLOSED_WITHIN_S = 20
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Chromium:
    """A browser for all tests of the folder; one that died is followed by another."""

    def __init__(self, playwright: Playwright, executable: str) -> None:
        self._playwright = playwright
        self._executable = executable
        self._browser: Browser | None = None

    def browser(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(
                executable_path=self._executable, args=_ARGUMENTS
            )
        return self._browser


@contextmanager
def killing_after(seconds: float) -> Iterator[None]:
    """Kill the browsers of this process when what is inside takes so long: then it is an error.

    Calls without a limit of their own, a `close` above all, were seen to wait for ever under load.
    """
    timer = Timer(seconds, _kill_browsers)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _kill_browsers() -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.name().startswith(("chrom", "google-chrom")):
                process.kill()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Chromium]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None and "CI" not in os.environ:
        pytest.skip("NO BROWSER TEST RAN: there is no Chromium here, and make could not install it")
    assert executable, "the browser tests need Chromium, and in CI none may be left out"
    with sync_playwright() as playwright:
        yield Chromium(playwright, executable)
        _kill_browsers()  # a polite close may never end, and nothing of it is needed any more


@pytest.fixture
def browser(chromium: Chromium) -> Browser:
    return chromium.browser()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def complaints() -> list[str]:
    """What went wrong in the browser: console errors, exceptions, policy violations, dialogs."""
    return []


@pytest.fixture
def tab(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A tab that notes every complaint; the test fails on any that is left at its end."""
    with opened(browser, viewport={"width": 1280, "height": 900}) as tab:
        watch(tab, complaints)
        yield tab
    assert complaints == []


@pytest.fixture
def tab_without_script(browser: Browser) -> Iterator[Page]:
    with opened(browser, java_script_enabled=False) as tab:
        yield tab


@contextmanager
def opened(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a tab of its own kind, and close it afterwards."""
    with killing_after(TEST_WITHIN_S):
        context = browser.new_context(**options)
        tab = context.new_page()
        tab.set_default_timeout(15_000)
        yield tab
    with killing_after(CLOSED_WITHIN_S), suppress(Error):  # all that was to be seen was seen
        context.close()


def watch(tab: Page, complaints: list[str]) -> None:
    """Write down what goes wrong in a tab."""

    def console(line: ConsoleMessage) -> None:
        if line.type == "error":
            complaints.append(line.text)

    def dialog(asking: Dialog) -> None:
        complaints.append(asking.message)
        asking.dismiss()

    tab.on("console", console)
    tab.on("dialog", dialog)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
