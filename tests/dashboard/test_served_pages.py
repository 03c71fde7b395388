"""The pages as a person opens them: real server, real runs, real Chromium."""

import gzip
from collections.abc import Iterator

import pytest
from openai import OpenAI
from openai.types.evals import RunCreateResponse
from playwright.sync_api import Page, expect

from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.server import EvaldServer
from tests.waiting import until

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202egnp.exe"


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("pages"), upstream=model_process.url) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: EvaldServer) -> OpenAI:
    return OpenAI(base_url=server.base_url, api_key="not needed")


def start(client: OpenAI, texts: list[str], model: str = "echo") -> RunCreateResponse:
    made = client.evals.create(
        name=HOSTILE,
        data_source_config={
            "type": "custom",
            "item_schema": {"type": "object"},
            "include_sample_schema": True,
        },
        testing_criteria=[
            {
                "type": "string_check",
                "name": HOSTILE,
                "input": "{{ sample.output_text }}",
                "reference": "{{ item.text }}",
                "operation": "eq",
            }
        ],
    )
    return client.evals.runs.create(
        made.id,
        name=HOSTILE,
        data_source={
            "type": "completions",
            "model": model,
            "input_messages": {
                "type": "template",
                "template": [{"role": "user", "content": "{{ item.text }}"}],
            },
            "source": {
                "type": "file_content",
                "content": [{"item": {"text": text}} for text in texts],
            },
        },
    )


def finished(client: OpenAI, run: RunCreateResponse) -> None:
    until(lambda: client.evals.runs.retrieve(run.id, eval_id=run.eval_id).status == "completed")


def test_report_url_opens_the_report_with_hostile_texts_inert(client: OpenAI, tab: Page) -> None:
    run = start(client, [HOSTILE] * 3)
    finished(client, run)

    tab.goto(run.report_url)

    expect(tab.locator("h1")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(tab.locator("#items tbody tr")).to_have_count(3)
    assert tab.locator("img").count() == 0


def test_items_are_shown_page_by_page_forwards_and_back(client: OpenAI, tab: Page) -> None:
    run = start(client, [f"text {number}" for number in range(120)])
    finished(client, run)
    first = tab.locator("#items tbody tr td").first

    tab.goto(run.report_url)
    expect(tab.locator("#items tbody tr")).to_have_count(50)
    tab.get_by_role("link", name="Next").last.click()
    expect(first).to_have_text("50")
    tab.get_by_role("link", name="Next").last.click()
    expect(first).to_have_text("100")
    tab.get_by_role("link", name="Previous").last.click()
    expect(first).to_have_text("50")


def test_an_item_opens_with_its_details(client: OpenAI, tab: Page) -> None:
    run = start(client, ["only one"])
    finished(client, run)

    tab.goto(run.report_url)
    tab.locator("#items tbody tr").first.click()

    expect(tab.get_by_role("dialog")).to_contain_text("only one")


def test_the_items_that_are_shown_are_exported_by_a_link(client: OpenAI, tab: Page) -> None:
    run = start(client, ["one", "two"])
    finished(client, run)

    tab.goto(f"{run.report_url}&status=pass")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="CSV of these items").click()

    assert download.value.suggested_filename == f"{run.id}.csv"
    assert download.value.url.endswith("/export?format=csv&status=pass")
    assert download.value.path().read_text().count("outputitem_") == 2


def test_the_report_follows_a_run_and_its_button_cancels_it(
    client: OpenAI, models: ModelServer, tab: Page
) -> None:
    models.script_rules(Rule((Step(hold="before"),), model="held"))
    run = start(client, [f"text {number}" for number in range(5)], model="held")
    models.wait(held=5)

    tab.goto(run.report_url)
    models.release(2)
    expect(tab.locator("main")).to_contain_text("2 of 5 items")
    tab.get_by_text("Cancel run", exact=True).click()
    tab.get_by_role("button", name="Cancel this run").click()

    expect(tab.locator("main")).to_contain_text("Canceled")
    expect(tab.locator("main")).to_contain_text("3 calls aborted")
    assert client.evals.runs.retrieve(run.id, eval_id=run.eval_id).status == "canceled"


def test_the_report_shows_the_end_of_a_run_and_leaves_the_rows_where_they_are(
    client: OpenAI, models: ModelServer, tab: Page
) -> None:
    models.script_rules(Rule((Step(hold="before"),), model="held"))
    run = start(client, [f"text {number}" for number in range(3)], model="held")
    models.wait(held=3)
    models.release(1)
    until(lambda: client.evals.runs.retrieve(run.id, eval_id=run.eval_id).result_counts.total)
    tab.goto(run.report_url)
    row = tab.locator("#items tbody tr")
    row.evaluate("row => row.mark = true")

    models.release()
    expect(tab.locator("#state")).to_have_text("Completed")
    expect(tab.locator("#new-items")).to_have_text("Show 2 new items")

    assert row.evaluate("row => row.mark")


def test_the_lists_lead_from_evals_to_runs_to_a_report(
    client: OpenAI, server: EvaldServer, tab: Page
) -> None:
    run = start(client, ["one"])
    finished(client, run)

    tab.goto(server.url)
    tab.locator("tbody a").first.click()
    tab.locator("tbody a").first.click()

    assert tab.url == run.report_url


def test_an_unknown_run_has_a_page_that_says_so(server: EvaldServer) -> None:
    answer = server.ask("GET", "/evaluations/eval_nobody?run_id=evalrun_nobody")

    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_another_site_cannot_press_the_cancel_button(server: EvaldServer) -> None:
    answer = server.ask(
        "POST",
        "/evaluations/eval_x/runs/evalrun_x/cancel",
        headers={"origin": "https://elsewhere.example"},
    )

    assert answer.status == 403


def test_static_files_are_kept_by_the_browser_and_pages_are_not(server: EvaldServer) -> None:
    assert "immutable" in server.ask("GET", "/static/app.css").headers["cache-control"]
    assert server.ask("GET", "/").headers["cache-control"] == "no-store"
    assert server.ask("GET", "/static/..%2freport.py").status == 404


def test_pages_travel_compressed_to_those_who_take_that(server: EvaldServer) -> None:
    plain = server.ask("GET", "/static/app.css")
    zipped = server.ask("GET", "/static/app.css", headers={"accept-encoding": "gzip"})

    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert "content-encoding" not in plain.headers
