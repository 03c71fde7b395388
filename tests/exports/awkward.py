"""A run whose items hold whatever breaks tables, and what its exports say."""

import csv
import io
import json
import re
from typing import Any, TypeAlias
from urllib.parse import urlencode

from tests.runs.making import ALIKE, EXACT, asked, create_run, get_final, given, path_of
from tests.server import Answer, EvaldServer

Line: TypeAlias = dict[str, Any]

ODD_NAME = 'odd, "name".x'
MOOD = {
    "type": "label_model",
    "name": "mood",
    "model": "judge",
    "input": [{"role": "user", "content": "{{ item.judge }}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}
"""The model server repeats what it is asked, so a row says what its judge will."""
SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "whole": {"type": ["integer", "null"]},
        "number": {"type": "number"},
        "truth": {"type": "boolean"},
        "any": {},
        "a.b": {"type": "string"},
    },
}
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\nx",
    "'=quoted",
    "''-x",
    "\0=1",
    "\uff1dwide",
]
TEXTS = [
    *("plain", 'a "quote", and a comma', "two\nlines", "two\r\nlines", " led ", "", "'", "\x00NUL"),
    *("æ\u2028\U0001f600", "null", "1", *FORMULAS),
]
WHOLE = [0, -1, None, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 7.0]
NUMBERS = [0.1, 1, 2**53, 2**53 + 1, -1e300, 0.1 + 0.2]
ANY = [None, "text", 1, 1.5, True, [1, {"a": "b"}], {}, {"deep": {"er": "=1"}}, "1", 2**64 - 1]


def judged(label: str) -> str:
    """Give what a judge writes that chose this label."""
    return json.dumps({"steps": [], "result": label})


def awkward_rows() -> list[Line]:
    """Give the rows: those of the longest of the lists, the others again from their beginning."""
    return [
        {"item": _item(number, text), "sample": _sample("=x" if number % 2 else "x")}
        for number, text in enumerate(TEXTS)
    ]


def _item(number: int, text: str) -> Line:
    fields = {
        "text": text,
        "whole": WHOLE[number % len(WHOLE)],
        "number": NUMBERS[number % len(NUMBERS)],
        "any": ANY[number % len(ANY)],
        "a.b": "dotted",
        "a": {"b": "not the one"},
        "answer": "x",
        "judge": [judged("good"), judged("bad"), "no verdict"][number % 3],
    }
    return fields | ({"truth": True} if number % 2 else {"=rare": 1})


def _sample(text: str) -> Line:
    message = {"role": "assistant", "content": text}
    return {"model": "m", "choices": [{"message": message}], "usage": {"total_tokens": 3}}


def make_awkward_run(server: EvaldServer) -> Line:
    """Make an eval with three criteria, and give its completed run over the awkward rows."""
    body = {
        "data_source_config": {
            "type": "custom",
            "item_schema": SCHEMA,
            "include_sample_schema": True,
        },
        "testing_criteria": [EXACT, {**ALIKE, "name": ODD_NAME}, MOOD],
    }
    eval_id = asked(server, "POST", "/v1/evals", body)["id"]
    run: Line = get_final(server, create_run(server, eval_id, given(awkward_rows())))
    assert run["status"] == "completed"
    return run


def exported(server: EvaldServer, run: Line, **query: object) -> Answer:
    """Ask for an export that is not refused."""
    answer = refused_or_not(server, run, **query)
    assert answer.status == 200, answer.body
    return answer


def refused_or_not(server: EvaldServer, run: Line, **query: object) -> Answer:
    """Ask for an export."""
    return server.ask("GET", f"{path_of(run)}/export?{urlencode(query)}")


def lines_of(answer: Answer) -> list[Line]:
    """Give the objects of JSON lines."""
    return [json.loads(line) for line in answer.body.decode().removesuffix("\n").split("\n")]


def table_of(answer: Answer) -> list[dict[str, str]]:
    """Give the lines of a CSV by the names of their columns."""
    names, *rows = csv.reader(io.StringIO(answer.body.decode(), newline=""), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def as_it_was(cell: str) -> str:
    """Take away the apostrophe that keeps a text from being computed, as the docs say it."""
    return cell[1:] if re.match("'+[=+\\-@\t\r\n\0＝＋－＠]", cell) else cell
