"""Creates with an `Idempotency-Key`: done once, however often and from wherever they are asked for."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.runs.conftest import StartServer
from tests.runs.making import (
    EXACT,
    asked,
    create_eval,
    form,
    get_final,
    path_of,
    rows,
    sampled,
    upload,
)
from tests.server import Answer, EvaldServer

CLIENTS = 16
DAY_S = 24 * 60 * 60
CONFIG = {"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True}
EVAL: Any = {"name": "n", "data_source_config": CONFIG, "testing_criteria": [EXACT]}
REPLAYED = "idempotent-replayed"


def post(server: EvaldServer, path: str, body: object, key: str) -> Answer:
    return server.ask("POST", path, body, {"Idempotency-Key": key})


def number_of(server: EvaldServer, path: str) -> int:
    return len(asked(server, "GET", f"{path}?limit=1000")["data"])


def check_same(first: Answer, again: Answer) -> None:
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    assert again.headers["content-type"] == first.headers["content-type"]


def check_refused(answer: Answer, code: str) -> None:
    assert answer.status == 400
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["param"] == "idempotency-key"


def test_an_eval_that_is_created_again_is_answered_as_at_first(server: EvaldServer) -> None:
    first = post(server, "/v1/evals", EVAL, "eval again")
    path, before = f"/v1/evals/{first.json['id']}", number_of(server, "/v1/evals")
    asked(server, "POST", path, {"name": "changed meanwhile"})

    again = post(server, "/v1/evals", EVAL, "eval again")

    check_same(first, again)
    assert number_of(server, "/v1/evals") == before
    assert asked(server, "GET", path)["name"] == "changed meanwhile"


def test_a_run_that_is_created_again_is_answered_as_at_first_and_carried_out_once(
    server: EvaldServer, models: ModelServer
) -> None:
    path = f"/v1/evals/{create_eval(server)}/runs"
    body = {"data_source": sampled(rows(5))}
    first = post(server, path, body, "run again")
    get_final(server, first.json)

    again = post(server, path, body, "run again")

    check_same(first, again)
    assert again.json["status"] == "queued"
    assert number_of(server, path) == 1
    assert models.stats().started == 5


def test_a_run_over_a_file_is_answered_again_also_when_the_file_is_gone(
    server: EvaldServer, models: ModelServer
) -> None:
    path, file_id = f"/v1/evals/{create_eval(server)}/runs", upload(server, rows(3))
    body = {"data_source": sampled(file_id)}
    first = post(server, path, body, "file")
    get_final(server, first.json)
    asked(server, "DELETE", f"/v1/files/{file_id}")

    check_same(first, post(server, path, body, "file"))


OTHERS: dict[str, Any] = {
    "another name": {**EVAL, "name": "other"},
    "another order": dict(reversed(EVAL.items())),
    "a wrong body": {},
    "no JSON": b"{",
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_body_under_the_same_key_is_refused_and_makes_nothing(
    server: EvaldServer, other: object
) -> None:
    first = post(server, "/v1/evals", EVAL, "two bodies")
    before = number_of(server, "/v1/evals")

    answer = post(server, "/v1/evals", other, "two bodies")

    check_refused(answer, "idempotency_key_reused")
    assert "'two bodies'" in answer.json["error"]["message"]
    assert number_of(server, "/v1/evals") == before
    assert post(server, "/v1/evals", EVAL, "two bodies").body == first.body


def test_a_key_belongs_to_the_route_whatever_its_prefix(server: EvaldServer) -> None:
    first = post(server, "/v1/evals", EVAL, "prefix")

    check_same(first, post(server, "/evals", EVAL, "prefix"))
    check_same(first, post(server, "/openai/v1/evals", EVAL, "prefix"))


def test_the_runs_of_two_evals_have_keys_of_their_own(
    server: EvaldServer, models: ModelServer
) -> None:
    body = {"data_source": sampled(rows(1))}
    paths = [f"/v1/evals/{create_eval(server)}/runs" for _ in range(2)]
    made = [post(server, path, body, "one for both") for path in ["/v1/evals", *paths]]

    assert [answer.status for answer in made] == [400, 201, 201]
    assert made[1].json["id"] != made[2].json["id"]


def test_without_a_key_or_with_another_one_each_create_makes_an_object(
    server: EvaldServer,
) -> None:
    answers = [server.ask("POST", "/v1/evals", EVAL) for _ in range(2)]
    answers += [post(server, "/v1/evals", EVAL, key) for key in ("A", "a", "a ", "x" * 255)]
    expected = 5  # white space around a header is no part of it, so `a ` is `a`

    assert len({answer.json["id"] for answer in answers}) == expected


WRONG_KEYS = {"empty": "", "too long": "x" * 256, "not ASCII": "schlüssel", "a tab": "a\tb"}


@pytest.mark.parametrize("key", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_key_that_cannot_be_one_is_refused_and_makes_nothing(
    server: EvaldServer, key: str
) -> None:
    before = number_of(server, "/v1/evals")

    answer = post(server, "/v1/evals", EVAL, key)

    check_refused(answer, "invalid_value")
    assert number_of(server, "/v1/evals") == before


def test_a_refusal_is_not_remembered(server: EvaldServer, models: ModelServer) -> None:
    wrong = {**EVAL, "testing_criteria": 5}

    refused = [post(server, "/v1/evals", wrong, "mended") for _ in range(2)]
    mended = post(server, "/v1/evals", EVAL, "mended")

    assert [answer.json["error"]["code"] for answer in refused] == ["invalid_type"] * 2
    assert mended.status == 201
    path, body = f"/v1/evals/{mended.json['id']}/runs", {"data_source": sampled("file-0")}
    assert post(server, path, body, "mended").json["error"]["code"] == "file_not_found"
    check = post(server, path, {"data_source": sampled(rows(1))}, "mended")
    assert check.status == 201


@pytest.mark.parametrize("kind", ["evals", "runs"])
def test_of_many_creates_at_the_same_moment_one_makes_the_object_and_all_answer_it(
    server: EvaldServer, models: ModelServer, kind: str
) -> None:
    runs = f"/v1/evals/{create_eval(server)}/runs"
    path, body = (
        (runs, {"data_source": sampled(rows(200))}) if kind == "runs" else ("/v1/evals", EVAL)
    )
    for turn in range(5):
        before = number_of(server, path)

        with ThreadPoolExecutor(CLIENTS) as pool:
            sent = [
                pool.submit(post, server, path, body, f"at once {turn}") for _ in range(CLIENTS)
            ]
        answers = [each.result() for each in sent]

        assert {answer.status for answer in answers} == {201}
        assert len({answer.body for answer in answers}) == 1
        assert sum(REPLAYED not in answer.headers for answer in answers) == 1
        assert number_of(server, path) == before + 1
    if kind == "runs":
        for run in asked(server, "GET", path)["data"]:
            assert get_final(server, run)["result_counts"]["total"] == 200
        assert models.stats().started == 5 * 200


def test_of_two_bodies_at_the_same_moment_one_is_made_and_the_other_refused(
    server: EvaldServer,
) -> None:
    before = number_of(server, "/v1/evals")
    bodies = [{**EVAL, "name": f"body {number % 2}"} for number in range(CLIENTS)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = [pool.submit(post, server, "/v1/evals", body, "either") for body in bodies]
    answers = [each.result() for each in sent]

    assert sorted(answer.status for answer in answers) == [201] * 8 + [400] * 8
    assert number_of(server, "/v1/evals") == before + 1


def test_the_first_answer_is_given_in_the_form_that_is_asked_for(server: EvaldServer) -> None:
    path = f"/v1/evals/{create_eval(server)}/runs"
    body = {"data_source": sampled(rows(1))}
    first = post(server, path, body, "form")
    headers = {"Idempotency-Key": "form", "evald-schema-strict": "true"}

    strict = server.ask("POST", path, body, headers)

    assert (strict.status, strict.headers[REPLAYED]) == (201, "true")
    assert strict.json["id"] == first.json["id"]
    assert (first.json["error"], strict.json["error"]) == (None, {"code": "", "message": ""})
    check_same(first, post(server, path, body, "form"))


def test_a_large_body_is_answered_again_and_told_apart_by_its_last_byte(
    server: EvaldServer, models: ModelServer
) -> None:
    path = f"/v1/evals/{create_eval(server)}/runs"
    content = [{"item": {"question": "q", "answer": "a", "padding": "x" * 3_000_000}}]
    body = {
        "data_source": {"type": "jsonl", "source": {"type": "file_content", "content": content}}
    }
    first = post(server, path, body, "large")
    check_same(first, post(server, path, body, "large"))
    content[0]["item"]["padding"] = "x" * 2_999_999 + "y"

    check_refused(post(server, path, body, "large"), "idempotency_key_reused")
    assert first.status == 201


def test_what_is_deleted_is_gone_and_its_key_is_free(
    server: EvaldServer, models: ModelServer
) -> None:
    made = post(server, "/v1/evals", EVAL, "deleted").json
    path, body = f"/v1/evals/{made['id']}/runs", {"data_source": sampled(rows(1))}
    run = post(server, path, body, "deleted").json

    asked(server, "DELETE", path_of(run))
    new_run = post(server, path, body, "deleted")
    asked(server, "DELETE", f"/v1/evals/{made['id']}")
    new_eval = post(server, "/v1/evals", EVAL, "deleted")

    assert (new_run.status, new_eval.status) == (201, 201)
    assert (new_run.json["id"] == run["id"], new_eval.json["id"] == made["id"]) == (False, False)
    assert post(server, path, body, "deleted").status == 404


def test_a_file_is_uploaded_each_time_since_the_body_of_a_form_differs_each_time(
    server: EvaldServer,
) -> None:
    headers = {"content-type": "multipart/form-data; boundary=rows", "Idempotency-Key": "file"}

    answers = [server.ask("POST", "/v1/files", form(rows(1)), headers) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json["id"] != answers[1].json["id"]


def make_older(server: EvaldServer, seconds: int) -> None:
    """Turn back the clock of all keys of a server that is stopped."""
    with closing(sqlite3.connect(server.data_dir / "evald.db")) as database, database:
        database.execute("UPDATE idempotency_keys SET created_at = created_at - ?", [seconds])


def keys_left(server: EvaldServer) -> int:
    with closing(sqlite3.connect(server.data_dir / "evald.db")) as database:
        number: int = database.execute("SELECT count(*) FROM idempotency_keys").fetchone()[0]
        return number


def test_a_key_outlives_the_server_for_a_day_and_is_then_removed(
    start_server: StartServer,
) -> None:
    server = start_server()
    first = post(server, "/v1/evals", EVAL, "old")
    server.stop()
    make_older(server, DAY_S - 600)

    server.restart()
    check_same(first, post(server, "/v1/evals", EVAL, "old"))
    server.stop()
    make_older(server, 600)
    server.restart()

    assert keys_left(server) == 0
    later = post(server, "/v1/evals", {**EVAL, "name": "other"}, "old")
    assert (later.status, number_of(server, "/v1/evals")) == (201, 2)
    assert later.json["id"] != first.json["id"]
