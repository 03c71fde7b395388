"""The log has one form, whoever writes to it, and holds nothing of what was sent."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.server import EvaldServer, FreshServer

PROMPT = "a prompt that is nobody's business"


def send(server: EvaldServer, request: str) -> None:
    """Send bytes and read until the server has closed, so that it has logged what it thinks."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request.encode())
        while connection.recv(10_000):
            pass


def broken_requests(server: EvaldServer) -> None:
    """Have two libraries complain: uvicorn of no HTTP, python_multipart of a wrong boundary."""
    send(server, f"{PROMPT}\r\n\r\n")
    body = f"--line\r\ncontent-disposition: form-data; name=file\r\n\r\n{PROMPT}\r\n--line?\r\n\r\n"
    body = f"-?line\r\n{body}"
    send(
        server,
        "POST /v1/files HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        "content-type: multipart/form-data; boundary=line\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}",
    )


def test_every_line_of_a_json_log_is_json(tmp_path: Path) -> None:
    with FreshServer(tmp_path, environment={"EVALD_LOG_FORMAT": "json"}) as server:
        broken_requests(server)
        lines: list[dict[str, Any]] = [json.loads(line) for line in server.log().splitlines()]

    assert {"uvicorn.error", "python_multipart.multipart"} <= {line["logger"] for line in lines}
    for line in lines:
        assert set(line) == {"event", "level", "timestamp", "logger"}


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_log_holds_what_a_broken_request_carried(tmp_path: Path, form: str) -> None:
    environment = {"EVALD_LOG_FORMAT": form, "EVALD_LOG_LEVEL": "debug"}
    with FreshServer(tmp_path, environment=environment) as server:
        broken_requests(server)

        assert "Invalid HTTP request" in server.log()
        assert PROMPT not in server.log()
        assert "\x1b[" not in server.log()
