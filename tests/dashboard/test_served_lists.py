"""The list of evals and the page of an eval on a real server: the programs that they show do run."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.model_server.client import ModelServer
from tests.server import Answer, EvaldServer
from tests.waiting import until

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("lists"), upstream=model_process.url) as server:
        yield server


def page_of(server: EvaldServer, path: str) -> str:
    answer = server.ask("GET", path)
    assert answer.status == 200, answer.body
    return answer.body.decode()


def post(server: EvaldServer, path: str, **fields: str) -> Answer:
    return server.ask("POST", path, urlencode(fields).encode(), FORM)


def made_eval(server: EvaldServer, name: str, **metadata: str) -> str:
    body = {
        "name": name,
        "metadata": metadata,
        "data_source_config": {"type": "custom", "item_schema": {"type": "object"}},
        "testing_criteria": [],
    }
    eval_id: str = server.ask("POST", "/v1/evals", body).json["id"]
    return eval_id


def pasted(html: str) -> str:
    """Run the program that a page shows, and give what it prints."""
    found = re.search(r'<pre id="example"[^>]*>(.*?)</pre>', html, re.DOTALL)
    assert found
    done = subprocess.run(
        [sys.executable, "-c", unescape(found[1])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_programs_of_the_empty_pages_run_as_they_stand(server: EvaldServer) -> None:
    report_url = pasted(page_of(server, "/"))
    path = report_url.removeprefix(server.url)
    assert "Capitals" in page_of(server, path)

    eval_id = server.ask("GET", "/v1/evals").json["data"][0]["id"]
    run_id = path.rpartition("=")[2]
    server.ask("DELETE", f"/v1/evals/{eval_id}/runs/{run_id}")
    second = pasted(page_of(server, f"/evaluations/{eval_id}"))
    runs = f"/v1/evals/{eval_id}/runs"
    until(lambda: server.ask("GET", f"{runs}?status=completed").json["data"])

    counts = server.ask("GET", runs).json["data"][0]["result_counts"]
    assert second.startswith(f"{server.url}/evaluations/{eval_id}?run_id=")
    assert (counts["total"], counts["errored"]) == (1, 0)


def test_evals_are_searched_renamed_gone_to_and_deleted(server: EvaldServer) -> None:
    name, other = 'Größe "&<b>', "Another <i>"
    eval_id = made_eval(server, name, team="support & co")
    made_eval(server, other, team="b")

    by_name = page_of(server, f"/?q={quote('GRÖSSE'.lower().replace('ss', 'ß'))}")
    by_pair = page_of(server, f"/?{urlencode({'key': 'team', 'value': 'support & co'})}")
    post(server, f"/evaluations/{eval_id}/rename", name="  Renamed  ")
    renamed = page_of(server, f"/evaluations/{eval_id}")
    way = server.ask("GET", f"/dashboard/go?q={eval_id}").headers["location"]
    searched = server.ask("GET", "/dashboard/go?q=a%26b").headers["location"]
    deleted = post(server, f"/evaluations/{eval_id}/delete")

    assert "Größe &#34;&amp;&lt;b&gt;" in by_name
    assert "Another" not in by_name
    assert "Another" not in by_pair
    assert 'name="meta" value="team:support &amp; co"' in by_pair
    assert "<h1><bdi>Renamed</bdi></h1>" in renamed
    assert (way, searched) == (f"../evaluations/{eval_id}", "../?q=a%26b")
    assert (deleted.status, deleted.headers["location"]) == (303, "../../")
    assert server.ask("GET", f"/evaluations/{eval_id}").status == 404
    assert server.ask("GET", f"/v1/evals/{eval_id}").status == 404


def test_another_site_deletes_and_renames_nothing(server: EvaldServer) -> None:
    eval_id = made_eval(server, "Kept")
    headers = {**FORM, "origin": "https://elsewhere.example"}

    for act in ("delete", "rename"):
        answer = server.ask("POST", f"/evaluations/{eval_id}/{act}", b"name=x", headers)
        assert answer.status == 403

    assert "<h1><bdi>Kept</bdi></h1>" in page_of(server, f"/evaluations/{eval_id}")


def test_a_reader_searches_goes_to_an_eval_and_compares_runs(
    server: EvaldServer, tab: Page
) -> None:
    eval_id = made_eval(server, "Compared", team="c")
    rows = {"type": "file_content", "content": [{"item": {}}]}
    runs = []
    for name in ("older", "newer"):
        body = {"name": name, "data_source": {"type": "jsonl", "source": rows}}
        runs.append(server.ask("POST", f"/v1/evals/{eval_id}/runs", body).json["id"])

    tab.route("**/compare?*", lambda route: route.fulfill(body="compared"))

    tab.goto(f"{server.url}/")
    tab.get_by_label("Name or id", exact=True).fill("cOmPared")
    tab.keyboard.press("Enter")
    expect(tab.locator("tbody tr")).to_have_count(1)
    expect(tab.locator(".go kbd")).to_be_visible()  # the script is there
    tab.keyboard.press("Control+k")
    tab.keyboard.insert_text(eval_id)
    tab.keyboard.press("Enter")

    button = tab.locator("#compare-runs")
    expect(button).to_be_disabled()
    tab.get_by_label("Compare newer").check()
    tab.get_by_label("Compare older").check()
    expect(button).to_have_text("Compare 2")
    button.click()

    # The older one comes first: it is what the other is compared with.
    tab.wait_for_url(f"{server.url}/evaluations/{eval_id}/compare?run={runs[0]}&run={runs[1]}")
