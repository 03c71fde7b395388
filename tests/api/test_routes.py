"""Routes that do not exist, methods that they do not have, and requests that are hardly HTTP."""

import json
import socket

import pytest

from tests.api.refusals import Prepared, check_refusal

UNKNOWN = [
    "/v1",
    "/v1/",
    "/v1/evals/",
    "/v2/evals",
    "/v1/eval",
    "/V1/evals",
    "/v1/v1/evals",
    "/v1/evals/x/runs/",
    "/v1/evals/x/runs/y/cancel/z",
    "/v1/evals/x/runs/y/output_items/z/more",
    "/v1/files/x/contents",
    "/v1//evals",
    "/openai/evals",
    "/openai/v1/nothing",
    "/docs",
    "/redoc",
    "/admin",
    "/.env",
    "/v1/chat",
    "/v1/fine_tuning/alpha/graders",
    "/v1/graders/runs",
]
WRONG_METHODS = [
    ("PUT", "/v1/evals", "GET, POST"),
    ("PATCH", "/v1/evals", "GET, POST"),
    ("DELETE", "/v1/evals", "GET, POST"),
    ("PUT", "/v1/evals/x", "GET, POST, DELETE"),
    ("PATCH", "/evals/x/runs/y", "GET, POST, DELETE"),
    ("GET", "/v1/evals/x/runs/y/cancel", "POST"),
    ("POST", "/v1/evals/x/runs/y/output_items", "GET"),
    ("DELETE", "/v1/evals/x/runs/y/output_items/z", "GET"),
    ("POST", "/v1/evals/x/runs/y/export", "GET"),
    ("PUT", "/openai/v1/files", "GET, POST"),
    ("POST", "/v1/files/x", "GET, DELETE"),
    ("POST", "/v1/files/x/content", "GET"),
    ("POST", "/v1/models", "GET"),
    ("DELETE", "/v1/models/x", "GET"),
    ("GET", "/v1/fine_tuning/alpha/graders/run", "POST"),
    ("GET", "/graders/validate", "POST"),
    ("POST", "/healthz", "GET"),
    ("POST", "/", "GET"),
    ("OPTIONS", "/v1/evals", "GET, POST"),
    ("GET", "/sign-out", "POST"),
    ("TRACE", "/v1/evals", "GET, POST"),
]


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_route_is_a_404_in_the_shape_of_an_error(
    prepared: Prepared, method: str, path: str
) -> None:
    answer = prepared.server.ask(method, path)

    check_refusal(answer, 404, says=path)


@pytest.mark.parametrize(("method", "path", "allowed"), WRONG_METHODS)
def test_a_method_that_a_route_lacks_is_a_405_that_names_all_it_has(
    prepared: Prepared, method: str, path: str, allowed: str
) -> None:
    answer = prepared.server.ask(method, path, {"name": "x"})

    check_refusal(answer, 405, says=path)
    assert answer.headers["allow"] == allowed


def test_head_gives_the_headers_of_get_or_a_405_and_never_a_body(prepared: Prepared) -> None:
    for path in ("/v1/evals", "/healthz", f"/v1/files/{prepared.file_id}/content", "/v1/nothing"):
        answer = prepared.server.ask("HEAD", path)

        assert answer.status in (200, 404, 405)
        assert answer.body == b""
        assert answer.headers["x-request-id"].startswith("req_")


def test_a_long_path_is_cut_in_the_message(prepared: Prepared) -> None:
    answer = prepared.server.ask("GET", "/v1/" + "x" * 20_000)

    check_refusal(answer, 404)
    assert len(answer.body) < 1_000


RAW: dict[str, bytes] = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
    "a header without a colon": b"GET /v1/evals HTTP/1.1\r\nHost\r\n\r\n",
    "a NUL in the path": b"GET /v1/\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a negative length": b"POST /v1/evals HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: -5\r\n\r\n",
    "a length that is no number": b"POST /v1/evals HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: five\r\n\r\n",
    "a chunk that is none": b"POST /v1/evals HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no host, HTTP/1.0": b"GET /v1/evals HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("sent", RAW.values(), ids=RAW)
def test_what_is_hardly_http_is_refused_and_the_server_lives(
    prepared: Prepared, sent: bytes
) -> None:
    received = talk(prepared.server.port, sent)

    assert received == b"" or received.split(b" ")[1][:1] == b"4"
    assert prepared.server.ask("GET", "/healthz").status == 200


def test_a_client_that_leaves_before_its_body_is_there_changes_nothing(
    prepared: Prepared,
) -> None:
    head = b"POST /v1/evals HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"

    with socket.create_connection(("127.0.0.1", prepared.server.port)) as connection:
        connection.sendall(head + b'{"name": "x",')

    assert prepared.server.ask("GET", "/healthz").status == 200


def test_many_requests_of_one_connection_are_answered_one_by_one(prepared: Prepared) -> None:
    bad = b"POST /v1/evals HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n{"
    good = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    received = talk(prepared.server.port, bad + bad + good, ends=False)

    assert received.count(b"HTTP/1.1 400") == 2
    assert received.count(b"HTTP/1.1 200") == 1
    assert json.loads(received.rpartition(b"\r\n\r\n")[2])["status"] == "ok"


def talk(port: int, sent: bytes, *, ends: bool = True) -> bytes:
    """Send bytes, say that no more will come if `ends`, and give all that comes back."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(sent)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            pass
    return received
