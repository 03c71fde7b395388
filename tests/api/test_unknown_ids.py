"""Ids that nobody has, in every route, also of shapes that no id has."""

from urllib.parse import quote

import pytest

from tests.api.refusals import Prepared, check_refusal, run_of

ODD_IDS: dict[str, str] = {
    "of the right look": "evalrun_" + "0" * 32,
    "a word": "nothing",
    "a percent sign": "%25",
    "broken percent": "%zz",
    "invalid UTF-8": "%ff%fe",
    "a surrogate": "%ed%a0%80",
    "quotes": "%27%22%20OR%201=1--",
    "a path": "..%2f..%2fetc%2fpasswd",
    "unicode": quote("é行😀"),
    "a line break": "a%0d%0aX-Bad:%201",
    "a space": "%20",
    "a wildcard": "*%25_",
    "a backslash": "a%5cb",
    "very long": "x" * 20_000,
    "a template": "%7b%7bitem%7d%7d",
    "markup": "%3cscript%3e",
}

# method, path with {id} where the odd id stands, and the param of the answer
ROUTES = [
    ("GET", "/v1/evals/{id}", "eval_id"),
    ("POST", "/v1/evals/{id}", "eval_id"),
    ("DELETE", "/v1/evals/{id}", "eval_id"),
    ("GET", "/v1/evals/{id}/runs", "eval_id"),
    ("POST", "/v1/evals/{id}/runs", "eval_id"),
    ("GET", "/v1/evals/{eval}/runs/{id}", "run_id"),
    ("POST", "/v1/evals/{eval}/runs/{id}", "run_id"),
    ("POST", "/v1/evals/{eval}/runs/{id}/cancel", "run_id"),
    ("POST", "/v1/evals/{eval}/runs/{id}/resume", "run_id"),
    ("POST", "/v1/evals/{eval}/runs/{id}/regrade", "run_id"),
    ("DELETE", "/v1/evals/{eval}/runs/{id}", "run_id"),
    ("GET", "/v1/evals/{eval}/runs/{id}/output_items", "run_id"),
    ("GET", "/v1/evals/{eval}/runs/{id}/output_items/{item}", "run_id"),
    ("GET", "/v1/evals/{eval}/runs/{run}/output_items/{id}", "output_item_id"),
    ("GET", "/v1/evals/{id}/runs/{run}", "run_id"),
    ("POST", "/v1/evals/{id}/runs/{run}", "run_id"),
    ("POST", "/v1/evals/{id}/runs/{run}/cancel", "run_id"),
    ("DELETE", "/v1/evals/{id}/runs/{run}", "run_id"),
    ("GET", "/v1/evals/{id}/runs/{run}/output_items", "run_id"),
    ("GET", "/v1/evals/{id}/runs/{run}/output_items/{item}", "run_id"),
    ("GET", "/v1/files/{id}", "file_id"),
    ("GET", "/v1/files/{id}/content", "file_id"),
    ("DELETE", "/v1/files/{id}", "file_id"),
    ("GET", "/v1/models/{id}", "model"),
    ("GET", "/v1/chat/completions/{id}", "completion_id"),
    ("GET", "/v1/chat/completions/{id}/messages", "completion_id"),
    ("DELETE", "/v1/chat/completions/{id}", "completion_id"),
    ("GET", "/v1/responses/{id}", "response_id"),
    ("GET", "/v1/responses/{id}/input_items", "response_id"),
    ("POST", "/v1/responses/{id}/cancel", "response_id"),
    ("DELETE", "/v1/responses/{id}", "response_id"),
]


@pytest.mark.parametrize(("method", "path", "param"), ROUTES)
def test_an_unknown_id_is_a_404_and_changes_nothing(
    prepared: Prepared, method: str, path: str, param: str
) -> None:
    for odd in ODD_IDS.values():
        known = {"eval": prepared.eval_id, "run": prepared.run_id, "item": prepared.item_id}
        body = {"POST": run_of({"item": {"q": "a"}})}.get(method)

        answer = prepared.server.ask(method, path.format(id=odd, **known), body)

        # A slash, encoded or not, ends an id, and a line break the name of a model; what is then
        # asked for has no route.
        has_no_route = "%0a" in odd if param == "model" else "%2f" in odd
        check_refusal(answer, 404, param=None if has_no_route else param)
        assert len(answer.body) < 1_000


def test_an_object_of_another_kind_is_not_found(prepared: Prepared) -> None:
    server, eval_id = prepared.server, prepared.eval_id

    check_refusal(server.ask("GET", f"/v1/evals/{prepared.run_id}"), 404, param="eval_id")
    check_refusal(server.ask("GET", f"{prepared.runs}/{eval_id}"), 404, param="run_id")
    check_refusal(server.ask("GET", f"/v1/files/{eval_id}"), 404, param="file_id")


@pytest.mark.parametrize("length", [100_000, 1_000_000])
def test_a_path_that_no_client_sends_is_refused_and_the_server_lives(
    prepared: Prepared, length: int
) -> None:
    try:
        answer = prepared.server.ask("GET", "/v1/evals/" + "x" * length)
    except OSError:
        pass  # the connection may be closed on it
    else:
        assert 400 <= answer.status < 500

    assert prepared.server.ask("GET", "/healthz").status == 200
