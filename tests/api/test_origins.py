"""Where a request may come from, while there are no keys: not from another site's page."""

import pytest

from tests.api.refusals import Prepared, check_refusal
from tests.server import Answer

FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.1:1",
    "0.0.0.0:{port}",
    "192.168.0.1:{port}",
    "[::2]:{port}",
    "127.0.0.1:{port}@evil.example",
    "evil.example#127.0.0.1:{port}",
    "",
]
OWN_HOSTS = [
    "127.0.0.1:{port}",
    "localhost:{port}",
    "LOCALHOST:{port}",
    "[::1]:{port}",
    "127.0.0.1",
    "localhost",
    "127.1.2.3:{port}",
]
FOREIGN_ORIGINS = [
    "http://[",
    "http://evil.example",
    "https://evil.example:{port}",
    "http://127.0.0.1:1",
    "http://localhost:{port}",
    "null",
    "file://",
    "http://127.0.0.1:{port}.evil.example",
    "x",
]
FOREIGN_MARKS = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "anything"},
    {"sec-fetch-site": "same-origin", "origin": "http://evil.example"},
    {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:{port}"},
    {"sec-fetch-site": "cross-site", "referer": "http://127.0.0.1:{port}/"},
    {"referer": "http://evil.example/127.0.0.1:{port}"},
    {"referer": "http://localhost:1/"},
    {"referer": "about:blank"},
]
"""What browsers say of a page of another site, with and without an origin."""
OWN_MARKS = [
    {},
    {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:{port}"},
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
    {"referer": "http://127.0.0.1:{port}/evaluations/eval_1?run_id=evalrun_1"},
]


def ask(prepared: Prepared, method: str, path: str, **headers: str) -> Answer:
    port = str(prepared.server.port)
    named = {name: value.replace("{port}", port) for name, value in headers.items()}
    body = {"name": "prepared"} if method == "POST" else None
    return prepared.server.ask(method, path, body, named)


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/evals"), ("POST", "/v1/evals"), ("GET", "/healthz")]
)
def test_a_request_under_a_foreign_host_name_is_refused(
    prepared: Prepared, method: str, path: str, host: str
) -> None:
    answer = ask(prepared, method, path, host=host)

    check_refusal(answer, 403, code="unknown_host", says="EVALD_PUBLIC_URL")


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_a_request_under_a_name_of_this_machine_is_served(prepared: Prepared, host: str) -> None:
    assert ask(prepared, "GET", "/v1/evals", host=host).status == 200


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_sites_page_may_not_change_anything(
    prepared: Prepared, method: str, origin: str
) -> None:
    path = f"/v1/evals/{prepared.eval_id}"

    answer = ask(prepared, method, path, origin=origin)

    check_refusal(answer, 403, code="foreign_origin")


@pytest.mark.parametrize("marks", FOREIGN_MARKS)
def test_another_sites_page_is_known_by_whatever_its_browser_says(
    prepared: Prepared, marks: dict[str, str]
) -> None:
    answer = ask(prepared, "POST", f"/v1/evals/{prepared.eval_id}", **marks)

    check_refusal(answer, 403, code="foreign_origin")


@pytest.mark.parametrize("marks", OWN_MARKS)
def test_a_program_and_a_page_of_our_own_are_no_strangers(
    prepared: Prepared, marks: dict[str, str]
) -> None:
    assert ask(prepared, "POST", f"/v1/evals/{prepared.eval_id}", **marks).status == 200


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_another_sites_page_may_ask_but_not_read(prepared: Prepared, origin: str) -> None:
    answer = ask(prepared, "GET", "/v1/evals", origin=origin)

    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}"])
def test_a_page_of_the_server_itself_may_change_things(prepared: Prepared, host: str) -> None:
    path = f"/v1/evals/{prepared.eval_id}"

    answer = ask(prepared, "POST", path, host=host, origin=f"http://{host}")

    assert answer.status == 200


def test_a_preflight_of_another_site_is_not_allowed(prepared: Prepared) -> None:
    answer = prepared.server.ask(
        "OPTIONS",
        "/v1/evals",
        headers={"origin": "http://evil.example", "access-control-request-method": "POST"},
    )

    assert answer.status >= 400
    assert "access-control-allow-origin" not in answer.headers
