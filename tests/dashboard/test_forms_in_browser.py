"""The forms in a real Chromium: by keyboard, without script, sound with faults and with a preview."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.test_every_screen import barriers, overflow
from tests.dashboard.test_hostile_texts import NOTE_VIOLATIONS
from tests.model_server.client import ModelServer
from tests.server import EvaldServer

ROWS = '{"question": "one", "answer": "one"}\n{"question": "two", "answer": "zwei"}'
WIDE = "a_name_that_is_as_long_as_no_column_has_any_right_to_be"


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("forms"), upstream=model_process.url) as server:
        yield server


def test_an_eval_is_made_and_started_by_keyboard_alone(server: EvaldServer, tab: Page) -> None:
    keys = tab.keyboard
    tab.goto(f"{server.url}/dashboard/new")
    tab.get_by_label("Name").focus()

    keys.type("By hand")
    keys.press("Tab")
    keys.type("scripted")
    keys.press("Tab")  # where the rows come from
    keys.press("Tab")
    keys.type(ROWS)
    tab.locator("#user").focus()
    keys.type("{{ item.question }}")
    tab.locator("#check_reference").focus()
    keys.type("{{ item.answer }}")
    keys.press("Enter")
    expect(tab.locator("#outcome")).to_be_focused()
    expect(tab.locator("#outcome")).to_contain_text("Asks scripted 2 times.")
    keys.press("Tab")  # the first rows, which can be scrolled
    keys.press("Tab")
    expect(tab.get_by_role("button", name="Start run")).to_be_focused()
    keys.press("Enter")

    expect(tab.locator("h1")).to_have_text("scripted")
    expect(tab.locator("#state")).to_have_text("Completed")


def test_faults_are_told_on_top_and_lead_to_their_fields(server: EvaldServer, tab: Page) -> None:
    tab.add_init_script(NOTE_VIOLATIONS)
    tab.goto(f"{server.url}/dashboard/new?example=1")
    tab.get_by_label("Pasted rows").fill("question,answer\na\n")

    tab.get_by_label("Name").press("Enter")

    expect(tab.locator("#outcome")).to_be_focused()
    tab.get_by_role("link", name="Model").click()
    expect(tab.get_by_label("Model", exact=True)).to_be_focused()
    expect(tab.get_by_label("Model", exact=True)).to_have_accessible_description(
        "Name the model that is to answer."
    )
    expect(tab.locator(".form-problems")).to_contain_text("Line 2:")
    assert barriers(tab) == []
    assert tab.evaluate("violations") == []


def test_a_file_is_uploaded_and_run_again_without_script(
    server: EvaldServer, tab_without_script: Page
) -> None:
    tab = tab_without_script
    tab.goto(f"{server.url}/dashboard/new?example=1")
    tab.get_by_label("Model", exact=True).fill("scripted")
    tab.get_by_label("Upload a file").check()
    rows = f"question;answer;{WIDE}\nParis;paris;{'x' * 300}\n".encode()
    tab.get_by_label("File", exact=True).set_input_files(
        {"name": "rows.csv", "mimeType": "text/csv", "buffer": rows}
    )

    tab.get_by_role("button", name="Preview row 1").click()
    expect(tab.locator(".form-kept")).to_contain_text("rows.jsonl was uploaded")
    tab.set_viewport_size({"width": 390, "height": 800})
    assert overflow(tab) == []
    tab.get_by_role("button", name="Start run").click()
    expect(tab.locator("h1")).to_have_text("scripted")
    run_id = tab.url.partition("run_id=")[2].partition("#")[0]
    tab.goto(tab.url.partition("?")[0] + f"/runs/{run_id}/again")
    tab.get_by_role("button", name="Start run").click()

    expect(tab.locator("h1")).to_have_text("scripted (again)")
