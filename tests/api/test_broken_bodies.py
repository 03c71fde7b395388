"""Bodies that are no JSON object which can be kept exactly, on every route that reads one."""

import json
from typing import Any

import pytest

from tests.api.refusals import EVAL, Prepared, check_refusal, run_of, sampled_run_of

DEEP = 10_000

BROKEN: dict[str, bytes] = {
    "cut off": b'{"name": "x"',
    "single quotes": b"{'name': 'x'}",
    "trailing comma": b'{"name": "x",}',
    "two values": b'{"name": "x"} {}',
    "a comment": b"{} // nothing",
    "no JSON at all": b"name=x&metadata=",
    "invalid UTF-8": b'{"name": "\xff\xfe"}',
    "overlong UTF-8": b'{"name": "\xc0\xaf"}',
    "a surrogate as UTF-8": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "a control character": b'{"name": "a\x01b"}',
    "a bare NUL": b'{"name": "x"}\x00',
    "arrays 10,000 deep": b"[" * DEEP + b"]" * DEEP,
    "objects 10,000 deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a million open brackets": b"[" * 1_000_000,
    "an unknown key 10,000 deep": b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": Infinity}',
    "-Infinity": b'{"name": -Infinity}',
    "1e400": b'{"unknown": 1e400}',
    "-1e400": b'{"unknown": -1e400}',
    "2**70": b'{"unknown": 1180591620717411303424}',
    "-2**70": b'{"unknown": -1180591620717411303424}',
    "2**64": b'{"unknown": 18446744073709551616}',
    "-2**63-1": b'{"unknown": -9223372036854775809}',
    "an integer of 10,000 digits": b'{"unknown": 1' + b"0" * 10_000 + b"}",
    "2**70, 1,000 deep": b'{"x":' + b"[" * 1000 + b"1180591620717411303424" + b"]" * 1000 + b"}",
    "a lone surrogate": b'{"name": "a\\ud800b"}',
    "a lone low surrogate": b'{"name": "\\udc00"}',
    "surrogates the wrong way round": b'{"name": "\\udc00\\ud800"}',
    "a lone surrogate in a key": b'{"a\\ud800": 1}',
    "a word": b"nul",
    "01": b'{"unknown": 01}',
    "a hexadecimal number": b'{"unknown": 0x10}',
}
NO_OBJECT: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a string": b'"name"',
    "an array": b"[]",
    "an array of objects": b'[{"name": "x"}]',
}
EMPTY: dict[str, bytes | None] = {"none": None, "empty": b"", "blank": b" \r\n\t "}


@pytest.fixture(
    params=[
        *("create eval", "update eval", "create run"),
        *("chat completion", "update completion", "response"),
    ]
)
def path(request: pytest.FixtureRequest, prepared: Prepared) -> str:
    return {
        "create eval": "/v1/evals",
        "update eval": f"/v1/evals/{prepared.eval_id}",
        "create run": prepared.runs,
        "chat completion": "/v1/chat/completions",
        "response": "/v1/responses",
        "update completion": f"/v1/chat/completions/{prepared.completion_id}",
    }[request.param]


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_body_that_is_no_json_is_refused(prepared: Prepared, path: str, body: bytes) -> None:
    answer = prepared.server.ask("POST", path, body)

    check_refusal(answer, code="invalid_json", says="not valid JSON")


@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT)
def test_a_body_that_is_no_object_is_refused(prepared: Prepared, path: str, body: bytes) -> None:
    answer = prepared.server.ask("POST", path, body)

    check_refusal(answer, code="invalid_type", says="JSON object")


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
def test_a_missing_body_is_refused(prepared: Prepared, path: str, body: bytes | None) -> None:
    answer = prepared.server.ask("POST", path, body)

    check_refusal(answer, code="missing_body", says="no body")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "x"])
def test_the_content_type_of_json_does_not_matter(prepared: Prepared, kind: str) -> None:
    path = f"/v1/evals/{prepared.eval_id}"

    answer = prepared.server.ask("POST", path, b"{}", {"content-type": kind})

    assert answer.status == 200


def nested(body: Any, depth: int) -> bytes:
    """Give the text of a body in which `"deep"` is an array of this depth."""
    return json.dumps(body).replace('"deep"', "[" * depth + "]" * depth).encode()


DEPTHS = pytest.mark.parametrize("depth", [300, 1_000])


@DEPTHS
def test_a_row_too_deep_to_be_kept_is_refused_by_its_place(prepared: Prepared, depth: int) -> None:
    body = nested(run_of({"item": {"q": "a"}}, {"item": {"q": "a", "x": "deep"}}), depth)

    answer = prepared.server.ask("POST", prepared.runs, body)

    check_refusal(answer, param="data_source.source", code="invalid_row", says="content[1]")


@DEPTHS
def test_a_schema_too_deep_to_be_kept_is_refused(prepared: Prepared, depth: int) -> None:
    config = {"type": "custom", "item_schema": {"default": "deep"}}
    body = nested({**EVAL, "data_source_config": config}, depth)

    answer = prepared.server.ask("POST", "/v1/evals", body)

    check_refusal(
        answer, param="data_source_config.item_schema", code="invalid_value", says="Recursion"
    )


@DEPTHS
def test_sampling_params_too_deep_to_be_kept_are_refused(prepared: Prepared, depth: int) -> None:
    body = nested(sampled_run_of({"item": {"q": "a"}}, sampling_params={"x": "deep"}), depth)

    answer = prepared.server.ask("POST", prepared.runs, body)

    assert answer.status == 400
    assert "deep" in answer.json["error"]["message"]


def test_a_large_body_is_parsed_as_strictly_as_a_small_one(prepared: Prepared) -> None:
    padding = b" " * 1_000_000

    answer = prepared.server.ask("POST", "/v1/evals", padding + b'{"unknown": 1e400}')

    check_refusal(answer, code="invalid_json")


def test_digits_in_a_text_are_no_number(prepared: Prepared) -> None:
    body = {"metadata": None, "unknown": "1180591620717411303424", "pi": 3.14159265358979323846}

    answer = prepared.server.ask("POST", f"/v1/evals/{prepared.eval_id}", json.dumps(body).encode())

    assert answer.status == 200
