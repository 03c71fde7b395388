"""Runs compared by the API of a real server."""

from collections.abc import Iterator

import pytest

from tests.comparing.two_runs import KINDS, TwoRuns, make_two_runs
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.making import asked, create_run, get_saved, rows, sampled
from tests.server import EvaldServer


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("compare"), upstream=model_process.url) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture(scope="module")
def two(server: EvaldServer, model_process: ModelServer) -> TwoRuns:
    return make_two_runs(server, model_process)


def test_each_row_counts_once_and_errors_and_rows_of_one_run_count_as_neither(
    server: EvaldServer, two: TwoRuns
) -> None:
    found = asked(server, "GET", f"/v1/evals/{two.eval_id}/compare?{two.query}")

    (comparison,) = found["comparisons"]
    assert comparison["counts"] == {kind: len(rows) for kind, rows in KINDS.items()}
    assert comparison["judged"] == 5
    assert comparison["difference"]["value"] == 0
    assert comparison["mcnemar"] == {"p_value": 1.0, "adjusted_p_value": 1.0, "method": "mid_p"}
    assert comparison["sentence"].startswith("B passes as many of the 5 rows that both judged as A")
    assert found["is_final"] is True
    assert [run["label"] for run in found["runs"]] == ["A", "B"]


def test_each_criterion_has_its_own_counts_and_scores(server: EvaldServer, two: TwoRuns) -> None:
    found = asked(server, "GET", f"/v1/evals/{two.eval_id}/compare?{two.query}")

    exact, alike = found["comparisons"][0]["per_testing_criteria"]
    assert exact["name"] == "exact"
    assert exact["counts"] == {"regressed": 1, "fixed": 1, "both_failed": 1, "both_passed": 2}
    assert alike["scores"]["rows"] == 5
    assert alike["scores"]["low"] is None


def test_rows_are_listed_page_by_page_with_the_items_of_both_runs(
    server: EvaldServer, two: TwoRuns
) -> None:
    path = f"/v1/evals/{two.eval_id}/compare/rows?{two.query}&limit=3"
    listed, after = [], ""
    while True:
        page = asked(server, "GET", path + after)
        listed += page["data"]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"

    pairs = [(kind, *pair) for kind, pairs in KINDS.items() for pair in pairs]
    assert [
        (row["kind"], *(row[side] and row[side]["datasource_item_id"] for side in SIDES))
        for row in listed
    ] == pairs
    regressed = listed[0]
    assert (regressed["baseline"]["status"], regressed["run"]["status"]) == ("pass", "fail")
    item = regressed["run"]["output_item_id"]
    of_run = f"/v1/evals/{two.eval_id}/runs/{two.run['id']}/output_items/{item}"
    assert asked(server, "GET", of_run)["datasource_item"]["question"] == "charlie"


SIDES = ("baseline", "run")


@pytest.mark.parametrize(
    ("path", "status", "param"),
    [
        ("compare", 400, "run_id"),
        ("compare?run_id={run}", 400, "run_id"),
        ("compare?run_id={run}&run_id={run}", 400, "run_id"),
        ("compare?" + "&".join(f"run_id=evalrun_{n}" for n in range(6)), 400, "run_id"),
        ("compare?run_id={run}&run_id=evalrun_nobody", 404, "run_id"),
        ("compare/rows?{query}&kind=worse", 400, "kind"),
        ("compare/rows?{query}&after=regressed", 400, "after"),
        ("compare/rows?{query}&kind=fixed&after=regressed-2", 400, "after"),
        ("compare/rows?{query}&after=regressed-%D9%A1", 400, "after"),
        ("compare/rows?{query}&run_id=evalrun_third", 400, "run_id"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    server: EvaldServer, two: TwoRuns, path: str, status: int, param: str
) -> None:
    filled = path.format(run=two.run["id"], query=two.query)

    answer = server.ask("GET", f"/v1/evals/{two.eval_id}/{filled}")

    assert answer.status == status
    assert answer.json["error"]["param"] == param


def test_a_run_that_goes_on_is_compared_by_what_it_has(
    server: EvaldServer, two: TwoRuns, models: ModelServer
) -> None:
    models.script_rules(Rule((Step(),), contains="row 1"), Rule((Step(hold="before"),)))
    held = create_run(server, two.eval_id, sampled(rows(3)))
    get_saved(server, held, 1)

    query = f"run_id={held['id']}&run_id={two.run['id']}"
    found = asked(server, "GET", f"/v1/evals/{two.eval_id}/compare?{query}")

    assert found["is_final"] is False
    assert found["comparisons"][0]["counts"]["only_in_baseline"] == 1
    assert found["comparisons"][0]["sentence"].startswith("So far: ")
    asked(server, "POST", f"/v1/evals/{two.eval_id}/runs/{held['id']}/cancel")
    assert asked(server, "GET", f"/v1/evals/{two.eval_id}/compare?{query}")["is_final"] is True
