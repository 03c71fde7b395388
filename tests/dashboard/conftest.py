"""A real Chromium, and a site for it to look at."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

from tests.dashboard.site import Site, serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None and "CI" not in os.environ:
        pytest.skip("NO BROWSER TEST RAN: there is no Chromium here, and make could not install it")
    assert executable, "the browser tests need Chromium, and in CI none may be left out"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        yield chromium
        chromium.close()


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
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    watch(tab, complaints)
    yield tab
    context.close()
    assert complaints == []


@pytest.fixture
def tab_without_script(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    yield tab
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
