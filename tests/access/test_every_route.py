"""Every route that the application has, asked without a key and with that of another project."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.access.projects import (
    NOWHERE,
    UNKNOWN,
    TwoProjects,
    logged,
    store_completion,
    store_response,
)
from tests.access.routes import FOR_ALL, ROUTES, all_routes, is_page, without_prefix
from tests.capture.asking import request
from tests.dashboard.forms import send_form
from tests.importing.making import jsonl as import_lines
from tests.importing.making import new_archive
from tests.runs.making import (
    accepted,
    asked,
    create_eval,
    form,
    get_final,
    items_of,
    rows,
    send_file,
)
from tests.server import Answer, EvaldServer

BODY = {"name": "mine", "metadata": {"mine": "now"}, "model": "scripted", "messages": []}
NO_OBJECTS = {"model"}
"""Path parameters that name something of the server and not of a project."""
PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")


def parameters(path: str) -> set[str]:
    return set(PARAMETER.findall(path)) - NO_OBJECTS


def filled(path: str, ids: dict[str, str]) -> str:
    return PARAMETER.sub(lambda found: ids[found[1]], path)


def ask(server: EvaldServer, method: str, path: str) -> Answer:
    return server.ask(method, path, BODY if method == "POST" else None)


def of_all(path: str) -> bool:
    return without_prefix(path) == path


def test_there_are_routes_under_every_prefix() -> None:
    for method, path in (("GET", "/evals"), ("POST", "/files"), ("DELETE", "/evals/{eval_id}")):
        assert {(method, path), (method, f"/v1{path}"), (method, f"/openai/v1{path}")} <= {*ROUTES}


def test_only_these_paths_are_open_to_all() -> None:
    assert {path for _, path in all_routes()} - {path for _, path in ROUTES} == FOR_ALL


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("key", [None, "sk-evald-" + "0" * 48], ids=["no key", "a wrong key"])
def test_without_a_key_nothing_is_reached(
    two: TwoProjects, method: str, path: str, key: str | None
) -> None:
    server = two.nobody if key is None else two.nobody.with_key(key)

    answer = ask(server, method, filled(path, two.of_first.by_name | {"model": "scripted"}))

    if is_page(path) and key is None:
        assert answer.status == 303
        assert answer.headers["location"].partition("?")[0].endswith("/sign-in")
    else:
        assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if parameters(route[1])])
@pytest.mark.parametrize("in_own_eval", [False, True], ids=["all is another's", "in an own eval"])
def test_what_is_of_another_project_is_as_unknown_as_what_is_not_there(
    two: TwoProjects, method: str, path: str, in_own_eval: bool
) -> None:
    own = {"eval_id": two.of_second.eval_id} if in_own_eval else {}
    if parameters(path) <= own.keys():
        own = {}
    theirs, nothing = two.of_first.by_name | own, UNKNOWN.by_name | own

    answer, expected = (ask(two.second, method, filled(path, ids)) for ids in (theirs, nothing))

    assert answer.status == 404
    assert expected.status == 404
    assert told(answer, theirs) == told(expected, nothing)


def told(answer: Answer, ids: dict[str, str]) -> str:
    text = answer.body.decode()
    for name, value in ids.items():
        text = text.replace(value, name)
    return text


@pytest.mark.parametrize(
    "path", [path for method, path in ROUTES if method == "GET" and not parameters(path)]
)
def test_a_list_shows_nothing_of_another_project(two: TwoProjects, path: str) -> None:
    theirs = two.of_first.by_name.values()

    for query in ("", "?limit=1000&order=desc"):
        answer = two.second.ask("GET", filled(path, {"model": "scripted"}) + query)

        assert answer.status == (303 if path == "/dashboard/go" else 200)  # it leads to a list
        assert not [each for each in theirs if each in answer.body.decode()]


@pytest.mark.parametrize("kind", ["evals", "files", "chat/completions"])
def test_a_list_begins_behind_no_object_of_another_project(two: TwoProjects, kind: str) -> None:
    theirs = {
        "evals": two.of_first.eval_id,
        "files": two.of_first.file_id,
        "chat/completions": two.of_first.completion_id,
    }

    answer = two.second.ask("GET", f"/v1/{kind}?after={theirs[kind]}")

    assert (answer.status, answer.json["error"]["param"]) == (400, "after")


def made_file(server: EvaldServer, path: str) -> str:
    kind = {"content-type": "multipart/form-data; boundary=rows"}
    file_id: str = accepted(server.ask("POST", path, form(rows(1)), kind))["id"]
    return f"/files/{file_id}"


def uploaded_file(server: EvaldServer, path: str) -> str:
    kind = {"content-type": "multipart/form-data; boundary=rows"}
    answer = server.ask("POST", path, form(rows(1)), kind)
    assert answer.status == 303
    return path.removesuffix("files") + answer.headers["location"].removeprefix("./")


def made_eval(server: EvaldServer, path: str) -> str:
    body: Any = {
        "data_source_config": {"type": "custom", "item_schema": {"type": "object"}},
        "testing_criteria": [],
    }
    return f"/evals/{asked(server, 'POST', path, body)['id']}"


def made_completion(server: EvaldServer, path: str) -> str:
    accepted(server.ask("POST", path, request(store=True, metadata={"by": path})))
    listed = asked(server, "GET", f"/chat/completions?metadata[by]={path}")
    return f"/chat/completions/{listed['data'][0]['id']}"


def made_response(server: EvaldServer, path: str) -> str:
    return f"/responses/{asked(server, 'POST', path, {'model': 'scripted', 'input': 'a'})['id']}"


def imported(server: EvaldServer, path: str) -> str:
    completion_id = f"chatcmpl-{path.replace('/', '.')}"
    assert accepted(server.ask("POST", path, logged(completion_id)))["imported"] == 1
    return f"/chat/completions/{completion_id}"


def imported_eval(server: EvaldServer, path: str) -> str:
    archive = new_archive()
    outcome = accepted(server.ask("POST", path, import_lines(*archive.whole)))
    assert (outcome["failed"], outcome["output_items"]["imported"]) == (0, 2)
    return f"/evals/{archive.eval_id}/runs/{archive.run_id}/output_items/{archive.item_id(0)}"


def imported_file(server: EvaldServer, path: str) -> str:
    file_id = new_archive().eval_id
    sent = accepted(send_archived_file(server, path, file_id))
    assert sent["id"] == file_id
    return f"/files/{file_id}"


def send_archived_file(
    server: EvaldServer, path: str, file_id: str, content: bytes = b"a"
) -> Answer:
    fields = {"id": file_id, "created_at": "5"}
    head = b"".join(
        f'--rows\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    kind = {"content-type": "multipart/form-data; boundary=rows"}
    return server.ask("POST", path, head + form(content), kind)


def made_endpoint(server: EvaldServer, path: str) -> str:
    body = {"name": "ours", "url": NOWHERE, "event_types": ["eval.run.failed"]}
    return f"/webhook_endpoints/{asked(server, 'POST', path, body)['id']}"


def made_by_form(server: EvaldServer, path: str) -> str:
    fields = {
        "name": "ours",
        "model": "scripted",
        "rows": "question\na\n",
        "user": "{{ item.question }}",
        "check_reference": "a",
        "action": "start",
    }
    eval_page = send_form(server, path, fields).headers["location"].partition("?")[0]
    return f"/evals/{eval_page.rpartition('/')[2]}"


MAKERS: dict[str, Callable[[EvaldServer, str], str]] = {
    "/dashboard/files": uploaded_file,
    "/evals": made_eval,
    "/evals/import": imported_eval,
    "/files": made_file,
    "/files/import": imported_file,
    "/chat/completions": made_completion,
    "/chat/completions/import": imported,
    "/webhook_endpoints": made_endpoint,
    "/responses": made_response,
    "/dashboard/new": made_by_form,
}
"""How to make something by a path; each gives where it is found then."""
KEEPS_NOTHING = {
    f"{prefix}/graders/{path}"
    for prefix in ("", "/fine_tuning/alpha")
    for path in ("run", "validate")
}
"""Paths whose requests leave nothing behind."""
OF_TWO_RUNS = {"/evals/{eval_id}/compare", "/evals/{eval_id}/compare/rows"}
"""Paths that show nothing without a query that names the runs."""
MAKING = [path for method, path in ROUTES if method == "POST" and not parameters(path)]


def test_all_that_makes_something_is_tried() -> None:
    assert {without_prefix(path) for path in MAKING} == MAKERS.keys() | KEEPS_NOTHING


@pytest.mark.parametrize("path", [path for path in MAKING if without_prefix(path) in MAKERS])
def test_what_is_made_belongs_to_the_project_of_the_key(two: TwoProjects, path: str) -> None:
    made = MAKERS[without_prefix(path)](two.second, path)

    assert two.second.ask("GET", made).status == 200
    assert two.first.ask("GET", made).status == 404


def test_all_that_was_tried_left_the_objects_of_the_other_project_alone(two: TwoProjects) -> None:
    ids = two.of_first

    def everything() -> list[bytes]:
        paths = [path for method, path in ROUTES if method == "GET" and of_all(path)]
        paths = [path for path in paths if parameters(path) and not is_page(path)]
        paths = [path for path in paths if path not in OF_TWO_RUNS]
        answers = [two.first.ask("GET", filled(path, ids.by_name)) for path in paths]
        assert {answer.status for answer in answers} == {200}
        return [answer.body for answer in answers]

    before = everything()
    for method, path in ROUTES:
        if parameters(path):
            ask(two.second, method, filled(path, ids.by_name))

    assert everything() == before


def test_the_runs_of_a_project_read_its_own_files_alone(two: TwoProjects) -> None:
    eval_id = create_eval(two.second)
    source = {"type": "jsonl", "source": {"type": "file_id", "id": two.of_first.file_id}}

    answer = two.second.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": source})

    assert (answer.status, answer.json["error"]["code"]) == (400, "file_not_found")


def test_the_runs_of_a_project_read_its_own_stored_completions_alone(two: TwoProjects) -> None:
    store_completion(two.first, case="shared name")
    mine = store_completion(two.second, case="shared name")
    config = {"type": "logs", "metadata": {"case": "shared name"}}
    body = {"data_source_config": config, "testing_criteria": []}
    made = asked(two.second, "POST", "/v1/evals", body)
    source = {"type": "completions", "source": {"type": "stored_completions"}}

    run = asked(two.second, "POST", f"/v1/evals/{made['id']}/runs", {"data_source": source})

    path = f"/v1/evals/{made['id']}/runs/{run['id']}/output_items"
    assert run["evald"]["rows"] == 1
    items = two.second.ask("GET", path).json["data"]
    assert [item["datasource_item"]["completion_id"] for item in items or []] in ([], [mine])


def test_the_runs_of_a_project_read_its_own_stored_responses_alone(two: TwoProjects) -> None:
    metadata = {"case": "shared name of responses"}
    store_response(two.first, metadata=metadata)
    mine = store_response(two.second, metadata=metadata)
    config = {"type": "logs", "metadata": metadata}
    made = asked(
        two.second, "POST", "/v1/evals", {"data_source_config": config, "testing_criteria": []}
    )
    runs = f"/v1/evals/{made['id']}/runs"

    for filters in ({}, {"model": "scripted"}, {"temperature": 1}):
        source = {"type": "responses", **filters}
        body = {"data_source": {"type": "responses", "source": source}}
        run = asked(two.second, "POST", runs, body)
        assert run["evald"]["rows"] == 1
        items = items_of(two.second, get_final(two.second, run))
        assert [item["datasource_item"]["response_id"] for item in items] == [mine]


def test_the_same_completion_is_imported_once_for_each_project(two: TwoProjects) -> None:
    line = logged("chatcmpl-in-both")

    for program in (two.first, two.second):
        again = [
            accepted(program.ask("POST", "/v1/chat/completions/import", line)) for _ in range(2)
        ]
        assert [(each["imported"], each["existing"]) for each in again] == [(1, 0), (0, 1)]

    two.first.ask("DELETE", "/v1/chat/completions/chatcmpl-in-both")
    assert two.second.ask("GET", "/v1/chat/completions/chatcmpl-in-both").status == 200


def test_what_another_project_has_is_neither_changed_nor_shown_by_an_import(
    two: TwoProjects,
) -> None:
    archive, other = new_archive(), new_archive()
    accepted(two.first.ask("POST", "/v1/evals/import", import_lines(*archive.whole)))
    mine = [other.eval(), other.run(id=archive.run_id), other.run(), archive.run()]
    items = [archive.item(0), other.item(0, id=archive.item_id(0)), archive.item(5)]
    lines = import_lines(archive.eval(name="mine"), *mine, *items)
    paths = [f"/v1/evals/{archive.eval_id}", archive.run_path, f"{archive.run_path}/output_items"]
    before = [two.first.ask("GET", path).body for path in paths]

    for query in ("?dry_run=true", ""):
        outcome = accepted(two.second.ask("POST", f"/v1/evals/import{query}", lines))
        told = [(each["line"], each["code"]) for each in outcome["errors"]]
        assert told == [
            (1, "id_taken"),
            (3, "id_taken"),
            (5, "id_taken"),
            (6, "parent_missing"),
            (7, "id_taken"),
            (8, "parent_missing"),
        ]
        assert (outcome["evals"]["imported"], outcome["runs"]["imported"]) == (1, 1)
    assert [two.first.ask("GET", path).body for path in paths] == before
    assert two.second.ask("GET", archive.run_path).status == 404


def test_an_archived_file_of_another_project_is_an_id_that_is_taken(two: TwoProjects) -> None:
    file_id = new_archive().eval_id
    accepted(send_archived_file(two.first, "/v1/files/import", file_id))

    for content in (b"a", b"b"):
        refused = send_archived_file(two.second, "/v1/files/import", file_id, content)
        assert (refused.status, refused.json["error"]["code"]) == (409, "id_taken")


def test_an_idempotency_key_of_another_project_is_another_key(two: TwoProjects) -> None:
    config = {"type": "custom", "item_schema": {"type": "object"}}
    body = {"data_source_config": config, "testing_criteria": []}

    made = [
        accepted(program.ask("POST", "/v1/evals", body, {"idempotency-key": "shared"}))["id"]
        for program in (two.first, two.second, two.second)
    ]

    assert made[0] != made[1]
    assert made[1] == made[2]
    assert two.first.ask("GET", f"/v1/evals/{made[1]}").status == 404


def test_another_project_with_the_same_file_has_a_file_of_its_own(two: TwoProjects) -> None:
    first, second = (accepted(send_file(each, rows(1)))["id"] for each in (two.first, two.second))

    assert first != second
    assert two.first.ask("DELETE", f"/v1/files/{second}").status == 404
    assert two.second.ask("GET", f"/v1/files/{second}/content").status == 200
