"""The queries of lists: what is no limit, no order, no place in the list."""

from urllib.parse import quote

import pytest

from tests.api.refusals import Prepared, check_refusal

BAD_LIMITS = ["0", "-1", "1.5", "abc", "", "1e9", "+5", " 5", "0x10", "٣", "1_000", "NaN", "null"]
BAD_LIMITS += ["00", "-0", "9" * 400 + "x", "true", "5,5"]
LARGE_LIMITS = ["1001", "99999999999999999999", "9" * 500, "0" * 30 + "7"]
BAD_AFTERS = ["nothing", "%27%20OR%201=1", "%ff", "x" * 10_000, "eval_" + "0" * 32]


@pytest.fixture(
    params=["evals", "runs", "output items", "files", "stored completions", "input items"]
)
def path(request: pytest.FixtureRequest, prepared: Prepared) -> str:
    return {
        "evals": "/v1/evals",
        "runs": prepared.runs,
        "output items": f"{prepared.runs}/{prepared.run_id}/output_items",
        "files": "/v1/files",
        "stored completions": "/v1/chat/completions",
        "input items": f"/v1/responses/{prepared.response_id}/input_items",
    }[request.param]


@pytest.mark.parametrize("limit", BAD_LIMITS, ids=lambda limit: repr(limit)[:12])
def test_a_limit_that_is_no_positive_integer_is_refused(
    prepared: Prepared, path: str, limit: str
) -> None:
    given = limit if limit.startswith("%") else quote(limit)

    answer = prepared.server.ask("GET", f"{path}?limit={given}")

    check_refusal(answer, param="limit", code="invalid_value", says="positive integer")
    assert len(answer.body) < 1_000


@pytest.mark.parametrize("limit", LARGE_LIMITS, ids=lambda limit: limit[:12])
def test_a_large_limit_is_taken_as_the_largest(prepared: Prepared, path: str, limit: str) -> None:
    answer = prepared.server.ask("GET", f"{path}?limit={limit}")

    assert answer.status == 200
    assert answer.json["data"]


@pytest.mark.parametrize("after", BAD_AFTERS, ids=lambda after: after[:12])
def test_an_after_that_is_no_id_of_the_list_is_refused(
    prepared: Prepared, path: str, after: str
) -> None:
    answer = prepared.server.ask("GET", f"{path}?after={after}")

    check_refusal(answer, param="after", code="invalid_value", says="in this list")
    assert len(answer.body) < 1_000


def test_an_after_of_another_list_is_refused(prepared: Prepared, path: str) -> None:
    others = {prepared.eval_id, prepared.run_id, prepared.item_id, prepared.file_id}
    others |= {prepared.completion_id, prepared.response_id}
    listed = {each["id"] for each in prepared.server.ask("GET", path).json["data"]}
    assert len(others - listed) >= 5

    for other in others - listed:
        answer = prepared.server.ask("GET", f"{path}?after={other}")
        check_refusal(answer, param="after", code="invalid_value")


@pytest.mark.parametrize("order", ["up", "ASC", "asc desc", "1"])
def test_an_unknown_order_is_refused(prepared: Prepared, path: str, order: str) -> None:
    answer = prepared.server.ask("GET", f"{path}?order={quote(order, safe='%')}")

    check_refusal(answer, param="order", code="invalid_value", says="asc, desc")


def test_unknown_words_of_filters_are_refused(prepared: Prepared) -> None:
    items = f"{prepared.runs}/{prepared.run_id}/output_items"
    for path, param, known in (
        (f"{prepared.runs}?status=done", "status", "queued, in_progress, completed"),
        (f"{items}?status=good", "status", "pass"),
        (f"{items}?order_by=score", "order_by", "datasource_item_id"),
        ("/v1/evals?order_by=name", "order_by", "created_at, updated_at"),
    ):
        answer = prepared.server.ask("GET", path)
        check_refusal(answer, param=param, code="invalid_value", says=known)


def test_of_a_parameter_given_twice_one_counts(prepared: Prepared, path: str) -> None:
    answer = prepared.server.ask("GET", f"{path}?limit=1&limit=5")

    assert answer.status == 200


def test_an_empty_after_is_the_start_of_the_list(prepared: Prepared, path: str) -> None:
    # Scripts that keep a cursor in a variable send it empty for the first page.
    first = prepared.server.ask("GET", path)

    assert prepared.server.ask("GET", f"{path}?after=").body == first.body
