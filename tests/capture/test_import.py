"""What was logged elsewhere, taken in line by line, by HTTP and by the command."""

import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.capture.asking import PATH, ask, stored
from tests.model_server.client import ModelServer
from tests.server import CHECKOUT, Answer, EvaldServer, evald_environment

_numbers = count()
MESSAGES = [{"role": "user", "content": "What is 2 + 2?"}]


def answer(text: str = "4", **also: Any) -> dict[str, Any]:
    """Give a chat completion with an id of its own."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    return {
        "id": f"chatcmpl-imported-{next(_numbers)}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o-2024-08-06",
        "choices": [choice],
        **also,
    }


def pair(response: Any = None, **also: Any) -> dict[str, Any]:
    """Give a request with its response."""
    request = {"model": "gpt-4o", "messages": MESSAGES, "temperature": 0.2}
    return {"request": request, "response": response or answer(), **also}


def jsonl(*lines: Any) -> bytes:
    return b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )


def imported(server: EvaldServer, body: bytes, **metadata: str) -> Answer:
    query = "&".join(f"metadata[{key}]={value}" for key, value in metadata.items())
    return server.ask("POST", f"{PATH}/import?{query}", body)


def counts(answered: Answer) -> tuple[int, int, int]:
    assert answered.status == 200, answered.body
    outcome = answered.json
    return outcome["imported"], outcome["existing"], outcome["failed"]


def test_a_request_with_its_response_is_stored_as_if_it_had_passed_through(
    server: EvaldServer,
) -> None:
    line = pair(metadata={"case": "pair"})

    assert counts(imported(server, jsonl(line))) == (1, 0, 0)

    (found,) = stored(server, case="pair")
    assert found["id"] == line["response"]["id"]
    assert (found["created"], found["temperature"]) == (1_700_000_000, 0.2)
    assert found["choices"][0]["message"]["content"] == "4"
    (message,) = server.ask("GET", f"{PATH}/{found['id']}/messages").json["data"]
    assert (message["role"], message["content"]) == ("user", "What is 2 + 2?")
    for model in ("gpt-4o", "gpt-4o-2024-08-06"):
        listed = server.ask("GET", f"{PATH}?metadata[case]=pair&model={model}").json["data"]
        assert listed == [found]


def test_what_a_list_gave_can_be_stored_again(server: EvaldServer, models: ModelServer) -> None:
    ask(server, store=True, metadata={"case": "moved"}, seed=7, user="u-1")
    (before,) = stored(server, case="moved")
    server.ask("DELETE", f"{PATH}/{before['id']}")

    assert counts(imported(server, jsonl({**before, "messages": MESSAGES}))) == (1, 0, 0)

    assert stored(server, case="moved") == [before]
    (message,) = server.ask("GET", f"{PATH}/{before['id']}/messages").json["data"]
    assert message["content"] == "What is 2 + 2?"


def test_the_same_file_again_changes_nothing(server: EvaldServer) -> None:
    without_id = pair(answer(id=None), metadata={"case": "again"})
    body = jsonl(pair(metadata={"case": "again"}), without_id, without_id)

    assert counts(imported(server, body)) == (2, 1, 0)
    assert counts(imported(server, body)) == (0, 3, 0)
    assert len(stored(server, case="again")) == 2


def test_an_id_that_another_completion_has_is_replaced(server: EvaldServer) -> None:
    line = pair(answer("one"), metadata={"case": "counted"})
    other = {
        **line,
        "response": {**line["response"], **answer("two"), "id": line["response"]["id"]},
    }
    body = jsonl(line, other)

    assert counts(imported(server, body)) == (2, 0, 0)
    assert counts(imported(server, body)) == (0, 2, 0)

    found = {
        each["choices"][0]["message"]["content"]: each["id"]
        for each in stored(server, case="counted")
    }
    assert found["one"] == line["response"]["id"] != found["two"]


def test_metadata_of_the_query_is_added_to_every_line(server: EvaldServer) -> None:
    body = jsonl(pair(metadata={"case": "old", "version": "1"}), pair())

    assert counts(imported(server, body, case="added", batch="7")) == (2, 0, 0)

    assert [each["metadata"] for each in stored(server, batch="7")] == [
        {"case": "added", "version": "1", "batch": "7"},
        {"case": "added", "batch": "7"},
    ]


def response(text: str = "4", **also: Any) -> dict[str, Any]:
    """Give a response with an id of its own."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "id": f"resp_imported-{next(_numbers)}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "model": "gpt-4o-2024-08-06",
        "output": [{"type": "message", "role": "assistant", "content": content}],
        **also,
    }


def response_pair(answered: Any = None, **also: Any) -> dict[str, Any]:
    """Give a request for a response, with the response."""
    request = {"model": "gpt-4o", "input": "What is 2 + 2?", "temperature": 0.2}
    return {"request": request, "response": answered or response(), **also}


def of_response(server: EvaldServer, response_id: str, part: str = "") -> Any:
    return server.ask("GET", f"/v1/responses/{response_id}{part}").json


def test_a_response_with_its_request_is_stored_as_if_it_had_passed_through(
    server: EvaldServer,
) -> None:
    line = response_pair(metadata={"case": "a"})

    assert counts(imported(server, jsonl(line, pair()), batch="7")) == (2, 0, 0)

    found = of_response(server, line["response"]["id"])
    assert found["output"] == line["response"]["output"]
    assert (found["temperature"], found["metadata"]) == (0.2, {"case": "a", "batch": "7"})
    (item,) = of_response(server, found["id"], "/input_items")["data"]
    assert item["content"] == [{"type": "input_text", "text": "What is 2 + 2?"}]


@pytest.mark.parametrize("sent", [{"input": "What is 2 + 2?"}, {"messages": MESSAGES}, {}])
def test_a_response_by_itself_is_stored_with_what_is_known_of_its_input(
    server: EvaldServer, sent: dict[str, Any]
) -> None:
    line = response(metadata={"case": "alone"}, **sent)

    assert counts(imported(server, jsonl(line))) == (1, 0, 0)

    assert of_response(server, line["id"])["metadata"] == {"case": "alone"}
    items = of_response(server, line["id"], "/input_items")["data"]
    assert [item["role"] for item in items] == ["user"] * len(sent)


def test_the_same_responses_again_change_nothing(server: EvaldServer) -> None:
    without_id, counted = response_pair(response(id=None)), response_pair()
    other = {**counted, "response": {**response("5"), "id": counted["response"]["id"]}}
    body = jsonl(without_id, without_id, counted, other)

    assert counts(imported(server, body)) == (3, 1, 0)
    assert counts(imported(server, body)) == (0, 4, 0)

    kept = of_response(server, counted["response"]["id"])
    assert kept["output"][0]["content"][0]["text"] == "4"


WRONG: dict[str, tuple[Any, str]] = {
    "no JSON": (b'{"request": ', "it is not valid JSON"),
    "not UTF-8": (b'{"choices": "\xff\xfe"}', "it is not valid JSON"),
    "a list": ([], "it must be an object, not an array"),
    "something else": ({"prompt": "a"}, "it has neither 'request' and 'response' nor"),
    "no response": ({"request": {"messages": []}}, "it has neither"),
    "no messages": ({"request": {}, "response": answer()}, "request.messages must be an array"),
    "an error": (pair({"error": {"message": "no"}}), "response.choices[0].message must be an"),
    "no choice": ({"choices": []}, "choices[0].message must be an object"),
    "no input": (
        {"request": {}, "response": response()},
        "request.input must be a string or an array",
    ),
    "no output": (response_pair({"error": {}}), "response.output must be an array"),
    "output of a text": ({"object": "response", "output": "4"}, "output must be an array"),
    "a response that failed": (
        response_pair(response(status="failed")),
        "response.status must be completed or incomplete, not 'failed'",
    ),
    "metadata of numbers": (pair(metadata={"a": 1}), "metadata.a: "),
    "metadata as a text": (pair(metadata="a"), "metadata must be an object, not a string"),
    "too much metadata": (pair(metadata={"a": "x" * 513}), "metadata: the value of 'a' is longer"),
    "a large number": (b'{"choices": [123456789012345678901234567890]}', "it is not valid JSON"),
    "deep": (b'{"choices": [{"message": ' + b'{"a":' * 300 + b"1" + b"}" * 302, "it is not"),
}


@pytest.mark.parametrize(("line", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_named_and_the_others_are_stored(
    server: EvaldServer, line: Any, message: str
) -> None:
    case = f"wrong-{next(_numbers)}"
    good = [pair(metadata={"case": case}) for _ in range(2)]

    answered = imported(server, jsonl(good[0], b"", line, good[1]))

    assert counts(answered) == (2, 0, 1)
    (error,) = answered.json["errors"]
    assert error["line"] == 3
    assert error["message"].startswith(message)
    assert len(stored(server, case=case)) == 2


def test_a_line_that_is_too_long_is_left_out(server: EvaldServer) -> None:
    long = pair(answer("x" * (33 * 1024 * 1024)))

    answered = imported(server, jsonl(long, pair(metadata={"case": "after a long one"})))

    assert counts(answered) == (1, 0, 1)
    assert answered.json["errors"] == [{"line": 1, "message": "it is longer than 32 MB"}]


def test_only_the_first_errors_are_named(server: EvaldServer) -> None:
    answered = imported(server, b"x\n" * 250)

    assert counts(answered) == (0, 0, 250)
    assert [error["line"] for error in answered.json["errors"]] == list(range(1, 101))


def test_many_lines_are_all_stored_in_their_order(server: EvaldServer) -> None:
    lines = [pair(answer(f"{number}"), metadata={"case": "many"}) for number in range(1000)]

    assert counts(imported(server, jsonl(*lines).rstrip())) == (1000, 0, 0)

    found = server.ask("GET", f"{PATH}?metadata[case]=many&limit=1000").json["data"]
    texts = [each["choices"][0]["message"]["content"] for each in found]
    assert texts == [f"{number}" for number in range(1000)]


@pytest.mark.parametrize("body", [b"", b"\n \n"])
def test_an_import_of_nothing_is_refused(server: EvaldServer, body: bytes) -> None:
    answered = imported(server, body)

    assert (answered.status, answered.json["error"]["code"]) == (400, "missing_body")


def test_metadata_of_the_query_is_checked_first(server: EvaldServer) -> None:
    answered = imported(server, jsonl(pair()), key="v" * 513)

    assert (answered.status, answered.json["error"]["param"]) == (400, "metadata")


def command(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "evald", "logs", "import", *arguments],
        input=text,
        capture_output=True,
        cwd=CHECKOUT,
        env=evald_environment({}),
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("suffix", ["", "/", "/v1"])
def test_the_command_imports_a_file(server: EvaldServer, tmp_path: Path, suffix: str) -> None:
    file, case = tmp_path / "log.jsonl", f"command-{next(_numbers)}"
    file.write_bytes(jsonl(pair(), pair()))

    done = command(str(file), "--url", server.url + suffix, "--metadata", f"case={case}")

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"2 imported, 0 were there already, 0 failed.\n"
    assert len(stored(server, case=case)) == 2


def test_the_command_names_the_lines_that_it_left_out(server: EvaldServer) -> None:
    done = command("-", "--url", server.url, text=jsonl(pair(), {"prompt": "a"}))

    assert done.returncode == 1
    assert done.stdout == b"1 imported, 0 were there already, 1 failed.\n"
    assert done.stderr.startswith(b"line 2: it has neither")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--url", "http://127.0.0.1:1"], b"does not answer"),
        (["--url", "nonsense"], b"is no URL of a server"),
        (["--metadata", "novalue"], b"write it as KEY=VALUE"),
    ],
)
def test_the_command_says_why_nothing_was_imported(arguments: list[str], says: bytes) -> None:
    done = command("-", *arguments, text=jsonl(pair()))

    assert done.returncode == 1
    assert says in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_command_says_what_the_server_refused(server: EvaldServer) -> None:
    done = command("-", "--url", server.url)

    assert done.returncode == 1
    assert b"400: The request has no lines" in done.stderr
