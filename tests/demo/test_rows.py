"""The rows that the demo ships, and what its eval asks of them."""

import json
from typing import Any

import jsonschema_rs
import pytest

from demo.mail_eval import (
    EXPECTED,
    INPUT_MESSAGES,
    ITEM_SCHEMA,
    REQUESTS,
    ROWS,
    expected_answer,
    row_count,
)
from evald.rules.template import compile_template


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()]


def test_every_row_is_an_item_that_fits_the_schema(rows: list[dict[str, Any]]) -> None:
    validator = jsonschema_rs.validator_for(ITEM_SCHEMA)

    assert all(list(row) == ["item"] for row in rows)
    assert [row for row in rows if not validator.is_valid(row["item"])] == []
    assert len(rows) == row_count() == 40


def test_every_mail_names_its_order(rows: list[dict[str, Any]]) -> None:
    assert [row for row in rows if row["item"]["order"] not in row["item"]["mail"]] == []


def test_every_request_is_asked_for_equally_often(rows: list[dict[str, Any]]) -> None:
    asked = [row["item"]["request"] for row in rows]

    assert {request: asked.count(request) for request in REQUESTS} == dict.fromkeys(REQUESTS, 10)


def test_no_order_and_no_mail_comes_twice(rows: list[dict[str, Any]]) -> None:
    assert len({row["item"]["order"] for row in rows}) == len(rows)
    assert len({row["item"]["mail"] for row in rows}) == len(rows)


def test_no_mail_of_a_row_is_a_worked_example_in_the_prompt(rows: list[dict[str, Any]]) -> None:
    prompt = json.dumps(INPUT_MESSAGES)

    assert [row for row in rows if row["item"]["mail"] in prompt] == []


def test_the_answer_that_the_screen_expects_is_the_one_that_the_grader_expects(
    rows: list[dict[str, Any]],
) -> None:
    expected = compile_template(EXPECTED)

    for row in rows:
        assert expected.render({"item": row["item"]}) == expected_answer(row["item"])
