"""The page that compares runs, as a person uses it: real server, real runs, real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.comparing.two_runs import KINDS, TwoRuns, make_two_runs
from tests.model_server.client import ModelServer
from tests.server import EvaldServer


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("compare"), upstream=model_process.url) as server:
        yield server


@pytest.fixture(scope="module")
def two(server: EvaldServer, model_process: ModelServer) -> TwoRuns:
    return make_two_runs(server, model_process)


def path(two: TwoRuns, *run_ids: str, **query: str) -> str:
    parts = [f"run={run_id}" for run_id in run_ids]
    parts += [f"{name}={value}" for name, value in query.items()]
    return f"/evaluations/{two.eval_id}/compare?{'&'.join(parts)}"


def both(two: TwoRuns, **query: str) -> str:
    return path(two, two.baseline["id"], two.run["id"], **query)


def test_two_runs_are_chosen_and_compared_with_the_older_one_as_the_baseline(
    server: EvaldServer, two: TwoRuns, tab: Page
) -> None:
    tab.goto(f"{server.url}/evaluations/{two.eval_id}/compare")
    for box in tab.get_by_role("checkbox").all():
        box.check()
    tab.get_by_role("button", name="Compare").click()

    expect(tab.locator("#sentence")).to_contain_text("5 rows that both judged as A")
    assert tab.url == server.url + both(two)

    tab.get_by_role("link", name="Regressed 1").click()
    rows = tab.locator("#rows tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("charlie")

    rows.get_by_role("link", name="B, row 2").click()
    expect(tab.get_by_role("dialog")).to_contain_text("charlie")


def test_every_kind_of_rows_has_its_number_and_its_list(
    server: EvaldServer, two: TwoRuns, tab_without_script: Page
) -> None:
    for kind, rows in KINDS.items():
        segment = "only" if kind.startswith("only") else kind
        tab_without_script.goto(server.url + both(two, rows=segment))
        listed = tab_without_script.locator("#rows tbody tr")
        expect(listed).to_have_count(2 if segment == "only" else len(rows))


def test_an_error_is_shown_as_one_and_not_as_a_failure(server: EvaldServer, two: TwoRuns) -> None:
    html = server.ask("GET", both(two, rows="errored")).body.decode()

    assert "Errored" in html
    assert "400 from upstream" in html
    assert "1 errored in one or both" in html


def test_the_other_run_becomes_the_baseline_by_a_link(server: EvaldServer, two: TwoRuns) -> None:
    html = server.ask("GET", both(two)).body.decode()

    turned = path(two, two.run["id"], two.baseline["id"]).replace("&", "&amp;")
    assert f'href="../..{turned}"' in html


@pytest.mark.parametrize(
    "query", [{"after": "regressed"}, {"after": "x-1"}, {"baseline": "oldest"}]
)
def test_an_address_that_leads_nowhere_is_a_page_that_says_so(
    server: EvaldServer, two: TwoRuns, query: dict[str, str]
) -> None:
    other = two.run["id"] if "after" in query else "evalrun_nobody"

    answer = server.ask("GET", path(two, two.baseline["id"], other, **query))

    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_too_many_runs_are_refused_with_the_list_to_choose_from(
    server: EvaldServer, two: TwoRuns
) -> None:
    answer = server.ask("GET", path(two, *[f"evalrun_{number}" for number in range(6)]))

    assert answer.status == 200
    assert "At most 5 are compared at once" in answer.body.decode()
