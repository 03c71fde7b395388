"""Every command that asks a running server: how its URL is read, and how its words are shown."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from evald.cli.running_server import ServerFailed, server_url
from tests.registry import made
from tests.registry.made import entry
from tests.server import evald_ended

KEY = "sk-a-key-that-nobody-may-see"
HOSTILE = f"\x1b[31mred\x1b]0;title\x07\nnext {KEY}"
SHOWN = "?[31mred?]0;title? next [key]"

TAKEN = {"imported": 0, "existing": 0, "failed": 1, "errors": [{"line": 1, "message": HOSTILE}]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands read: a registry, and a log."""
    folder = tmp_path_factory.mktemp("given")
    made.write(folder, made.files_of({"a.dev": entry("Match")}, {"rows.jsonl": []}))
    (folder / "log.jsonl").write_text("{}\n")
    return folder


@pytest.fixture(scope="module")
def refusing() -> Iterator[ThreadingHTTPServer]:
    """A server that answers with its path, or that it takes logs, and what a terminal would obey."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "transfer-encoding" in self.headers:  # a connection with more to read would break
                while self.rfile.readline() != b"0\r\n":
                    pass
                self.rfile.readline()
            path = self.path.partition("?")[0]
            takes = path.startswith("/taking/")
            answer = TAKEN if takes else {"error": {"message": f"{path} {HOSTILE}"}}
            body = json.dumps(answer).encode()
            self.send_response(200 if takes else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def commands(place: Path, out: Path) -> dict[str, list[str]]:
    """Give commands, each by the first path that it asks for."""
    folder = str(out / "folder")
    return {
        "/v1/evals/e": ["export", "promptfoo", "e", "--out", folder],
        "/v1/evals/e/runs/r": ["runs", "show", "e", "r"],
        "/v1/evals/e/runs/r/resume": ["runs", "resume", "e", "r"],
        "/v1/evals/e/runs/r/export": ["export", "items", "e", "r"],
        "/v1/chat/completions/import": ["logs", "import", str(place / "log.jsonl")],
        "/v1/evals": ["import", "registry", "--all", "--from", str(place)],
    }


@pytest.mark.parametrize("ending", ["", "/v1/"])
def test_a_server_is_found_with_v1_and_without_and_no_terminal_obeys_it(
    refusing: ThreadingHTTPServer, place: Path, tmp_path: Path, ending: str
) -> None:
    url = f"http://127.0.0.1:{refusing.server_port}{ending}"
    environment = {"EVALD_API_KEY": KEY}
    for path, command in commands(place, tmp_path).items():
        ended = evald_ended(*command, "--url", url, environment=environment)

        assert ended.returncode == 1
        assert f"404: {path} {SHOWN}\n" in ended.stderr


def test_no_terminal_obeys_what_is_said_of_a_line(
    refusing: ThreadingHTTPServer, place: Path
) -> None:
    url = f"http://127.0.0.1:{refusing.server_port}/taking/v1"
    given = ["--url", url, "--api-key", KEY]

    ended = evald_ended("logs", "import", str(place / "log.jsonl"), *given)

    assert ended.stdout == "0 imported, 0 were there already, 1 failed.\n"
    assert ended.stderr == f"line 1: {SHOWN}\n"


@pytest.mark.parametrize(
    "url",
    [
        *("127.0.0.1:8484", "http://", "http://[::1", "http://a:b", "http://a:0", "http://a b"),
        *("ftp://a", "http://a..b", "http://\u00e4", "http://a\n", "http://a/\u00e4", ""),
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ServerFailed, match="is no URL of a server"):
        server_url(url)


def test_a_password_in_a_url_is_refused_and_not_told() -> None:
    with pytest.raises(ServerFailed) as refused:
        server_url("http://reader:secret@127.0.0.1:8484")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("http://127.0.0.1:8484", "http://127.0.0.1:8484"),
        ("https://a/", "https://a"),
        ("http://[::1]:1/v1/", "http://[::1]:1"),
        ("http://a/openai/v1", "http://a/openai"),
        ("http://a/v1?x#y", "http://a"),
        ("http://a/v11", "http://a/v11"),
    ],
)
def test_the_v1_that_a_url_may_end_with_is_left_out(given: str, found: str) -> None:
    assert server_url(given).geturl() == found


def test_no_command_ends_with_a_traceback_over_a_url(place: Path, tmp_path: Path) -> None:
    for command in commands(place, tmp_path).values():
        ended = evald_ended(*command, "--url", "http://[::1")

        assert ended.returncode == 1
        assert "is no URL of a server" in ended.stderr
        assert "Traceback" not in ended.stderr
