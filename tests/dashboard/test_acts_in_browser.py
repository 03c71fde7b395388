"""The acts on a run in a real Chromium, by keyboard and without script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.forms import report_of
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.making import create_eval, create_run, get_final, rows, sampled
from tests.server import EvaldServer


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("keys"), upstream=model_process.url) as server:
        yield server


def test_by_keyboard_a_run_is_canceled_resumed_and_deleted(
    server: EvaldServer, models: ModelServer, tab: Page
) -> None:
    models.script_rules(Rule((Step(hold="before"),), model="held"))
    run = create_run(server, create_eval(server), sampled(rows(3), model="held"))
    models.wait(held=3)
    tab.goto(f"{server.url}{report_of(run)}")
    question = tab.locator("#cancel-question")

    tab.get_by_text("Cancel run", exact=True).press("Enter")
    expect(question).to_have_attribute("open", "")
    tab.keyboard.press("Escape")
    expect(question).not_to_have_attribute("open", "")
    expect(tab.get_by_text("Cancel run", exact=True)).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("status").first).to_contain_text("3 calls cut off")
    assert "did=" not in tab.url  # what was done is told once

    tab.get_by_role("button", name="Resume 3 rows").press("Enter")
    expect(tab.get_by_role("status").first).to_contain_text("Resumed")
    models.release()
    expect(tab.locator("#state")).to_have_text("Completed")

    tab.get_by_text("Delete", exact=True).press("Enter")
    tab.get_by_role("button", name="Delete this run").press("Enter")
    expect(tab.get_by_role("status").first).to_contain_text("The run was deleted")


def test_without_script_a_report_is_shared_and_the_link_revoked(
    server: EvaldServer, models: ModelServer, tab_without_script: Page
) -> None:
    tab = tab_without_script
    run = get_final(server, create_run(server, create_eval(server), sampled(rows(3))))
    tab.goto(f"{server.url}{report_of(run)}")

    tab.get_by_role("link", name="Share").click()
    tab.get_by_label("In force for").select_option("30 days")
    tab.get_by_role("button", name="Make a link").click()
    shared = tab.get_by_label("Link 1", exact=True).input_value()
    expect(tab.get_by_role("button", name="Copy")).to_be_hidden()
    tab.goto(shared)
    expect(tab.locator("#items tbody tr")).to_have_count(3)
    tab.go_back()
    tab.get_by_role("button", name="Revoke").click()

    expect(tab.get_by_label("Link 1", exact=True)).to_have_count(0)
    tab.goto(shared)
    expect(tab.locator("h1")).to_have_text("This link is not in force")
