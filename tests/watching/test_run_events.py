"""The events of runs as programs and open pages get them, from a real server."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from evald.watching.watches import MOST_VIEWERS
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.making import asked, create_eval, create_run, get_final, path_of, rows, sampled
from tests.server import EvaldServer
from tests.watching.listening import Event, listening


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("watched"), upstream=model_process.url) as server:
        yield server
        assert "Traceback" not in server.log()


def held_run(server: EvaldServer, models: ModelServer) -> Any:
    """Give a run of three rows whose calls are all held."""
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(3)))
    models.wait(held=3)
    return run


def events_of(run: Any) -> str:
    return f"{path_of(run)}/events"


def live(run: Any) -> str:
    return f"/evaluations/{run['eval_id']}/runs/{run['id']}/live"


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


def test_a_program_hears_at_once_where_a_run_stands_and_at_last_how_it_ended(
    server: EvaldServer, models: ModelServer
) -> None:
    run = held_run(server, models)

    with listening(server, events_of(run)) as events:
        first = events.next()
        models.release()
        rest = list(events)

    assert (first.json["status"], first.json["rows"]) == ("in_progress", 3)
    assert first.json["result_counts"] == {"total": 0, "passed": 0, "failed": 0, "errored": 0}
    assert first.json["in_flight"] == (None if "EVALD_DATABASE_URL" in server.environment else 3)
    assert names(rest[-3:]) == ["progress", "run", "done"]
    assert rest[-3].json["status"] == "completed"
    assert rest[-2].json == asked(server, "GET", path_of(run))


def test_who_connects_again_hears_nothing_of_what_is_known(
    server: EvaldServer, models: ModelServer
) -> None:
    run = held_run(server, models)
    with listening(server, events_of(run)) as events:
        known = events.next()

    with listening(server, events_of(run), known.id) as events:
        models.release()
        heard = list(events)

    assert known.data not in [event.data for event in heard]
    with listening(server, events_of(run), heard[-1].id) as events:
        assert names(list(events)) == ["done"]


def test_ids_of_events_grow_with_the_run(server: EvaldServer, models: ModelServer) -> None:
    run = held_run(server, models)

    with listening(server, events_of(run)) as events:
        first = events.next()
        models.release()
        last = list(events)[-1]

    assert first.id is not None
    assert last.id is not None
    assert first.id.split("-")[:3] < last.id.split("-")[:3]


def test_an_open_page_gets_the_parts_that_change_and_no_rows(
    server: EvaldServer, models: ModelServer
) -> None:
    run = held_run(server, models)

    with listening(server, live(run)) as events, listening(server, live(run)) as others:
        assert events.next() == others.next()
        models.release()
        *_, parts, end = list(events)

    assert end.name == "end"
    sent = set(re.findall(r'id="(\w+)" data-part', parts.data))
    assert {"head", "progress", "summary", "findings"} <= sent
    assert not sent & {"items", "drawer"}
    assert "3 of 3 items done" in parts.data


@pytest.mark.parametrize("path", [events_of, live])
@pytest.mark.parametrize("deleted", ["run", "eval"])
def test_the_stream_of_what_is_deleted_ends_with_gone(
    server: EvaldServer, models: ModelServer, path: Any, deleted: str
) -> None:
    run = held_run(server, models)

    with listening(server, path(run)) as events:
        events.next()
        asked(server, "DELETE", path_of(run) if deleted == "run" else f"/v1/evals/{run['eval_id']}")
        heard = list(events)

    assert heard[-1].name == "gone"


def test_a_run_that_nobody_knows_is_an_error_and_no_stream(server: EvaldServer) -> None:
    answer = server.ask("GET", "/v1/evals/eval_nobody/runs/evalrun_nobody/events")

    assert (answer.status, answer.json["error"]["param"]) == (404, "run_id")


def test_a_resumed_run_is_followed_anew(server: EvaldServer, models: ModelServer) -> None:
    run = held_run(server, models)
    asked(server, "POST", f"{path_of(run)}/cancel")
    with listening(server, events_of(run)) as events:
        canceled = list(events)

    models.release()
    asked(server, "POST", f"{path_of(run)}/resume")
    with listening(server, events_of(run), canceled[-1].id) as events:
        resumed = list(events)

    assert canceled[0].json["calls_aborted"] == 3
    assert resumed[-2].json == get_final(server, run)
    assert resumed[-2].json["status"] == "completed"


def test_a_server_that_is_stopped_ends_its_streams_at_once(
    models: ModelServer, tmp_path: Path
) -> None:
    with EvaldServer(tmp_path, upstream=models.url) as server:
        run = held_run(server, models)
        with listening(server, events_of(run)) as events, listening(server, live(run)) as parts:
            events.next()
            parts.next()

            status = server.stop()

            assert (names(list(events)), names(list(parts))) == ([], [])
        assert status == 0
        assert "timeout graceful shutdown exceeded" not in server.log()


def test_more_streams_than_a_server_opens_are_refused(
    server: EvaldServer, models: ModelServer
) -> None:
    run = held_run(server, models)

    with ExitStack() as stack:
        for _ in range(MOST_VIEWERS):
            stack.enter_context(listening(server, events_of(run)))
        refused = server.ask("GET", events_of(run))
        healthy = server.ask("GET", "/healthz")

    assert (refused.status, refused.json["error"]["code"]) == (503, "too_many_streams")
    assert healthy.status == 200
    asked(server, "POST", f"{path_of(run)}/cancel")
