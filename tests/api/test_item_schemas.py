"""Item schemas that are broken or hostile: refused, or harmless."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.refusals import EVAL, Prepared, check_refusal, created, run_of
from tests.server import Answer

PARAM = "data_source_config.item_schema"

INVALID: dict[str, Any] = {
    "unknown type": {"type": "text"},
    "type is a number": {"type": 1},
    "properties is a list": {"properties": []},
    "required is a word": {"required": "q"},
    "required holds a number": {"required": [1]},
    "minimum is a word": {"minimum": "0"},
    "enum is a word": {"enum": "a"},
    "a property is a word": {"properties": {"q": "string"}},
    "the pattern is broken": {"properties": {"q": {"pattern": "("}}},
    "the pattern of a name is broken": {"patternProperties": {"[": {}}},
    "a reference to nothing": {"$ref": "#/$defs/nothing"},
    "a reference is a number": {"$ref": 5},
    "items is a word": {"items": "string"},
    "multipleOf 0": {"multipleOf": 0},
    "minLength below 0": {"minLength": -1},
    "a pattern too large to compile": {"properties": {"q": {"pattern": "((a{1000}){1000}){1000}"}}},
}


def eval_with(item_schema: Any) -> Any:
    return {**EVAL, "data_source_config": {"type": "custom", "item_schema": item_schema}}


@pytest.mark.parametrize("item_schema", INVALID.values(), ids=INVALID)
def test_a_schema_that_is_none_is_refused(prepared: Prepared, item_schema: Any) -> None:
    answer = prepared.server.ask("POST", "/v1/evals", eval_with(item_schema))

    check_refusal(answer, param=PARAM, code="invalid_value", says="no valid JSON schema")
    assert len(answer.body) < 1_000


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A socket that must see no connection, and what it has seen."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    seen.append(connection.recv(1000))
                    if seen[-1] == b"the end":
                        return

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}", seen
        if thread.is_alive():
            with socket.create_connection(listening.getsockname()) as end:
                end.sendall(b"the end")
        thread.join()
    assert seen == [b"the end"]


REMOTE: dict[str, Any] = {
    "http": {"$ref": "http://{address}/schema.json"},
    "http with a fragment": {"properties": {"q": {"$ref": "http://{address}/s#/$defs/a"}}},
    "relative to a remote id": {"$id": "http://{address}/a", "$ref": "b.json"},
    "a dynamic reference": {"$dynamicRef": "http://{address}/schema.json#a"},
    "a remote meta schema": {"$schema": "http://{address}/meta"},
    "behind a condition": {"if": {"$ref": "http://{address}/s"}, "then": {}},
    "a file": {"$ref": "file:///etc/passwd"},
    "a file with a fragment": {"properties": {"q": {"$ref": "file:///etc/passwd#/root"}}},
    "a bare path": {"$ref": "/etc/passwd"},
}


@pytest.mark.parametrize("schema", REMOTE.values(), ids=REMOTE)
def test_a_reference_to_elsewhere_is_refused_and_never_fetched(
    prepared: Prepared, listener: tuple[str, list[bytes]], schema: Any
) -> None:
    address, _ = listener
    item_schema = json.loads(json.dumps(schema).replace("{address}", address))

    answer = prepared.server.ask("POST", "/v1/evals", eval_with(item_schema))

    check_refusal(answer, param=PARAM, code="invalid_value", says="no valid JSON schema")
    assert b"root:" not in answer.body


def run_with(prepared: Prepared, item_schema: Any, item: Any) -> Answer:
    """Give the answer to a run over one item of a new eval, which is gone afterwards."""
    path = f"/v1/evals/{created(prepared.server, '/v1/evals', eval_with(item_schema))}"
    try:
        return prepared.server.ask("POST", f"{path}/runs", run_of({"item": item}))
    finally:
        prepared.server.ask("DELETE", path)


PATTERNS = ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(.*a){25}$", "(?=(a+)+$)b", r"^(\w+\s?)*$"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("where", ["pattern", "patternProperties"])
def test_a_pattern_that_would_never_end_is_given_up(
    prepared: Prepared, pattern: str, where: str
) -> None:
    text = "a" * 5_000 + "!"
    if where == "pattern":
        schema: Any = {"properties": {"q": {"pattern": pattern}}}
        item: Any = {"q": text}
    else:
        schema, item = {"patternProperties": {pattern: {"type": "null"}}}, {text: "x"}

    answer = run_with(prepared, schema, item)

    assert answer.status in (201, 400)


CIRCLES: dict[str, Any] = {
    "itself": {"$ref": "#"},
    "each other": {
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        "$ref": "#/$defs/a",
    },
    "all of itself": {"allOf": [{"$ref": "#"}]},
    "not itself": {"not": {"$ref": "#"}},
    "itself twice": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    "a dynamic circle": {"$dynamicAnchor": "a", "$dynamicRef": "#a"},
}


def doubled(levels: int, keyword: str = "allOf") -> Any:
    """Give a schema of which each part applies the next one twice."""
    defs: Any = {
        str(level): {keyword: [{"$ref": f"#/$defs/{level + 1}"}] * 2} for level in range(levels)
    }
    return {"$ref": "#/$defs/0", "$defs": {**defs, str(levels): {"type": "object"}}}


COSTLY: dict[str, Any] = {
    **CIRCLES,
    "30 doublings": doubled(30),
    "30 doublings below": {
        "$defs": doubled(30)["$defs"],
        "properties": {"q": {"$ref": "#/$defs/0"}},
    },
    "a long chain": {
        "$ref": "#/$defs/0",
        "$defs": {str(n): {"$ref": f"#/$defs/{(n + 1) % 100_000}"} for n in range(100_000)},
    },
}


@pytest.mark.parametrize("schema", COSTLY.values(), ids=COSTLY)
def test_a_schema_that_would_never_end_is_refused(prepared: Prepared, schema: Any) -> None:
    answer = prepared.server.ask("POST", "/v1/evals", eval_with(schema))

    check_refusal(answer, param=PARAM, code="invalid_value", says="item_schema cannot be used: ")


def test_a_row_that_doubles_the_checks_at_each_level_is_refused(prepared: Prepared) -> None:
    twice = [{"properties": {"a": {"$ref": "#"}}}] * 2
    item: Any = {}
    for _ in range(40):
        item = {"a": item}

    answer = run_with(prepared, {"allOf": twice}, item)

    check_refusal(answer, param="data_source.source", code="invalid_row", says="too deep")


def test_an_item_as_deep_as_its_recursive_schema_allows_is_checked_to_its_end(
    prepared: Prepared,
) -> None:
    schema = {"properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}}
    item: Any = {"n": "no integer"}
    for _ in range(200):
        item = {"next": item}

    answer = run_with(prepared, schema, item)

    check_refusal(answer, param="data_source.source", code="invalid_row", says=".next.n ")


def test_a_wide_schema_is_taken(prepared: Prepared) -> None:
    schema = {"properties": {f"key {n}": {"enum": list(range(20))} for n in range(2_000)}}

    assert run_with(prepared, schema, {f"key {n}": 1 for n in range(2_000)}).status == 201


def test_formats_are_notes_and_no_rules(prepared: Prepared) -> None:
    schema = {"properties": {"q": {"type": "string", "format": "date-time"}}}

    assert run_with(prepared, schema, {"q": "yesterday"}).status == 201
