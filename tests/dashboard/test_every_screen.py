"""Every page in a real Chromium: light and dark, on a phone, a laptop and a wide screen.

With EVALD_SCREENSHOTS set to a folder, what was seen is kept there.
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.dashboard.test_hostile_texts import NOTE_VIOLATIONS
from tests.dashboard.world import World, make_world
from tests.model_server.client import ModelServer
from tests.server import EvaldServer

WIDTHS = (390, 1280, 1920)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKED_THROUGH = (("light", 1280), ("dark", 390))
"""What axe-core looks through: each scheme, and each of the two layouts, for it takes half a second."""
SERIOUS = ("serious", "critical")
SCREENS = {
    "evals": "/",
    "evals-searched": "/?q=triage",
    "eval": "/evaluations/{eval}",
    "running": "/evaluations/{eval}?run_id={running}",
    "completed": "/evaluations/{eval}?run_id={candidate}",
    "canceled": "/evaluations/{eval}?run_id={canceled}",
    "failed": "/evaluations/{eval}?run_id={failed}",
    "imported": "/evaluations/{imported_eval}?run_id={imported}",
    "filtered": "/evaluations/{eval}?run_id={candidate}&status=fail",
    "item": "/evaluations/{eval}?run_id={candidate}&item={item}",
    "compare": "/evaluations/{eval}/compare?run={baseline}&run={candidate}",
    "compare-several": "/evaluations/{eval}/compare?run={candidate}&run={failed}&run={running}",
    "compare-choice": "/evaluations/{eval}/compare",
    "compare-hostile": "/evaluations/{hostile_eval}/compare?run={hostile}&run={hostile_again}",
    "hostile-evals": "/?q=img",
    "hostile-eval": "/evaluations/{hostile_eval}",
    "hostile": "/evaluations/{hostile_eval}?run_id={hostile}",
    "hostile-item": "/evaluations/{hostile_eval}?run_id={hostile}&item={hostile_item}",
    "sharing": "/evaluations/{eval}/runs/{candidate}/share",
    "files": "/dashboard/files",
    "file": "/dashboard/files/{file}",
    "settings": "/dashboard/settings",
    "new-eval": "/dashboard/new",
    "run-again": "/evaluations/{eval}/runs/{candidate}/again",
    "run-again-hostile": "/evaluations/{hostile_eval}/runs/{hostile}/again",
    "not-found": "/evaluations/eval_nobody",
}


@pytest.fixture(scope="module")
def world(model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with EvaldServer(
        tmp_path_factory.mktemp("world"),
        upstream=model_process.url,
        environment={"EVALD_MAX_ERROR_RATE": "0.5"},
    ) as server:
        yield make_world(server, model_process)
        model_process.release()


@pytest.fixture(scope="module")
def places(world: World) -> dict[str, str]:
    """What the addresses of the screens are filled in with."""
    return {
        "eval": world.eval_id,
        **world.runs,
        "imported_eval": world.imported[0],
        "imported": world.imported[1],
        "hostile_eval": world.hostile[0],
        "hostile": world.hostile[1],
        "hostile_again": world.hostile_again,
        "item": first_item(world, world.eval_id, world.runs["candidate"]),
        "hostile_item": first_item(world, *world.hostile),
        "file": world.file_id,
    }


def first_item(world: World, eval_id: str, run_id: str) -> str:
    found = world.server.ask("GET", f"/v1/evals/{eval_id}/runs/{run_id}/output_items?limit=1").json
    return str(found["data"][0]["id"])


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_is_sound_in_every_light_and_width(
    world: World, places: dict[str, str], tab: Page, complaints: list[str], screen: str
) -> None:
    tab.add_init_script(NOTE_VIOLATIONS)
    tab.goto(world.server.url + SCREENS[screen].format_map(places))
    if screen == "not-found":
        complaints.clear()  # the browser tells of every 404

    for scheme, width in product(SCHEMES, WIDTHS):
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        tab.set_viewport_size({"width": width, "height": 900})
        keep(tab, f"{screen}-{width}-{scheme}")
        assert overflow(tab) == [], f"at {width} pixels"
        if (scheme, width) in LOOKED_THROUGH:
            assert barriers(tab) == [], f"in {scheme} at {width} pixels"

    assert tab.evaluate("violations") == []


def keep(tab: Page, name: str) -> None:
    """Keep what the tab shows, where that is wanted."""
    folder = os.environ.get("EVALD_SCREENSHOTS")
    if folder:
        tab.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def overflow(tab: Page) -> list[str]:
    """Give what makes the page wider than its window."""
    found: list[str] = tab.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.querySelectorAll("body *")]
            .filter((each) => each.getBoundingClientRect().right > width + 1)
            .slice(0, 5)
            .map((each) => each.outerHTML.slice(0, 120));
        }"""
    )
    return found


def barriers(tab: Page) -> list[str]:
    """Give what axe-core finds serious: which rule, and the first elements that break it."""
    found: dict[str, Any] = Axe().run(tab).response
    return [
        f"{each['id']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]
