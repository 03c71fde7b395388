"""What the report offers to do with a run, and what it tells when it was done."""

import re
from collections.abc import Iterator

import pytest

from evald.contract.json_types import JsonObject
from evald.dashboard.frame import Frame
from evald.dashboard.items import ItemsPage
from evald.dashboard.report import render_report, report_page
from tests.dashboard.forms import followed, page_of, post, report_of
from tests.dashboard.samples import eval_object, run_object
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.making import create_eval, create_run, get_final, get_run, rows, sampled
from tests.server import EvaldServer

OFFERED = re.compile(r'id="(resume|retry|again|share|cancel|delete)"')


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(
        tmp_path_factory.mktemp("acts"),
        upstream=model_process.url,
        environment={"EVALD_MAX_ERROR_RATE": "0.9"},
    ) as server:
        yield server


IMPORTED: JsonObject = {
    "rows": 40,
    "imported": {"at": 1, "status": "canceled", "reconstructed": False},
}
UNREAD: JsonObject = {"rows": None}


@pytest.mark.parametrize(
    ("run", "offered"),
    [
        (run_object("queued"), ["share", "cancel"]),
        (run_object("in_progress", passed=2, errored=1), ["share", "cancel"]),
        (run_object("completed", passed=40), ["again", "share", "delete"]),
        (run_object("completed", passed=39, errored=1), ["retry", "again", "share", "delete"]),
        (run_object("canceled", passed=5), ["resume", "again", "share", "delete"]),
        (run_object("failed", errored=40), ["retry", "again", "share", "delete"]),
        (
            run_object("failed", passed=1, errored=1),
            ["resume", "retry", "again", "share", "delete"],
        ),
        (run_object("canceled", evald=UNREAD), ["resume", "again", "share", "delete"]),
        (
            run_object("failed", evald=UNREAD, error={"code": "invalid_rows", "message": "x"}),
            ["again", "share", "delete"],
        ),
        (
            run_object("canceled", passed=3, errored=2, evald=IMPORTED),
            ["again", "share", "delete"],
        ),
    ],
)
def test_a_run_offers_what_its_state_allows(run: JsonObject, offered: list[str]) -> None:
    assert OFFERED.findall(html_of(run, Frame("../"))) == offered


def test_a_shared_report_offers_nothing_and_leads_nowhere_else() -> None:
    html = html_of(run_object("failed", passed=1, errored=1), Frame("../", share="TOKEN"))

    assert OFFERED.findall(html) == []
    assert 'method="post"' not in html
    links = re.findall(r'(?:href|action)="([^"#]+)"', html)
    assert {link for link in links if not link.startswith(("../shared/TOKEN", "../static/"))} == {
        "data:,"
    }


def html_of(run: JsonObject, frame: Frame) -> str:
    page = ItemsPage(shown=0, total=0)
    return render_report(
        report_page(
            eval_object=eval_object(),
            run=run,
            items=[],
            page=page,
            selected=None,
            frame=frame,
        )
    )


def test_a_cancel_tells_what_it_did_and_a_second_one_that_it_came_too_late(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script_rules(Rule((Step(hold="before"),), model="held"))
    run = create_run(server, create_eval(server), sampled(rows(5), model="held"))
    models.wait(held=5)
    path = f"{page_of(run)}/cancel"

    html = followed(server, path, post(server, path))

    assert "Canceled: 0 items kept, 5 calls cut off, 5 rows not run." in html
    done = get_final(server, create_run(server, run["eval_id"], sampled(rows(1))))
    path = f"{page_of(done)}/cancel"
    assert "Not canceled: the run had" in followed(server, path, post(server, path))


def test_a_canceled_run_is_resumed_and_a_done_one_deleted_with_its_items(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script_rules(Rule((Step(hold="before"),), model="scripted"))
    run = create_run(server, create_eval(server), sampled(rows(3)))
    models.wait(held=3)
    post(server, f"{page_of(run)}/cancel")
    path = f"{page_of(run)}/resume"

    html = followed(server, path, post(server, path))

    assert "Resumed: the run goes on where it stopped. 3 rows to go." in html
    models.release()
    assert get_final(server, run)["result_counts"]["total"] == 3
    path = f"{page_of(run)}/delete"
    assert "The run was deleted" in followed(server, path, post(server, path))
    assert server.ask("GET", report_of(run)).status == 404


def test_errored_items_are_redone(server: EvaldServer, models: ModelServer) -> None:
    models.script_rules(Rule((Step(status=400), Step(text="row 1")), contains="row 1"))
    run = create_run(server, create_eval(server), sampled(rows(3)))
    assert get_final(server, run)["result_counts"]["errored"] == 1
    path = f"{page_of(run)}/retry"

    html = followed(server, path, post(server, path))

    assert "The errored items were taken out" in html
    assert get_final(server, run)["result_counts"] == {
        "total": 3,
        "passed": 2,
        "failed": 1,
        "errored": 0,
    }


def test_a_refused_act_is_answered_with_the_report_that_says_why(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(status=400))
    run = create_run(server, create_eval(server), sampled(rows(2)))
    assert get_final(server, run)["status"] == "failed"

    answer = post(server, f"{page_of(run)}/resume")

    html = answer.body.decode()
    assert answer.status == 409
    assert re.search(r'role="alert">.*This run cannot be resumed\. Every row has its item', html)
    assert f'href="../../../../evaluations/{run["eval_id"]}"' in html
    assert get_run(server, run)["status"] == "failed"


@pytest.mark.parametrize("act", ["cancel", "resume", "retry", "delete", "share"])
def test_an_act_on_a_run_that_is_not_there_has_a_page_that_says_so(
    server: EvaldServer, act: str
) -> None:
    answer = post(server, f"/evaluations/eval_nobody/runs/evalrun_nobody/{act}")

    assert answer.status == 404
    assert "There is no such run" in answer.body.decode()


def test_the_address_of_an_act_leads_who_opens_it_to_the_report(server: EvaldServer) -> None:
    run = get_final(server, create_run(server, create_eval(server), sampled(rows(1))))
    path = f"{page_of(run)}/delete"

    html = followed(server, path, server.ask("GET", path))

    assert "Completed" in html
    assert get_run(server, run)["status"] == "completed"


def test_a_page_repeats_no_word_of_what_its_address_says_was_done(server: EvaldServer) -> None:
    run = get_final(server, create_run(server, create_eval(server), sampled(rows(1))))

    for did in ("You+won", "cancelled", "resume%00", "<b>"):
        answer = server.ask("GET", f"{report_of(run)}&did={did}")
        assert 'class="notice' not in answer.body.decode()
