"""An import that ends early has lost nothing, and the same command brings it to the same end."""

import signal
from pathlib import Path

import pytest

from evald.cli.importing import CannotImport, Options, import_archive
from tests.importing_archive.history import history
from tests.importing_archive.importing import (
    assert_kept,
    begun,
    counts,
    imported,
    read_back,
)
from tests.importing_archive.proxy import Instead, Proxy
from tests.importing_archive.shapes import as_folder, langfuse_folder, pull_archive
from tests.server import ENDED_WITHIN_S, EvaldServer

HELD = 5
"""Requests of which the last one is not answered: evals, runs, and items in parts."""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_same_command_ends_what_was_stopped(
    server: EvaldServer, tmp_path: Path, number: signal.Signals
) -> None:
    given = history(f"stopped{number}", runs=2, items=250)
    folder = as_folder(pull_archive(given), tmp_path)
    with Proxy(server.port, lambda post: Instead("hold") if post >= HELD else None) as proxy:
        process = begun(proxy.url, folder)
        proxy.wait_for(HELD)
        process.send_signal(number)
        said, _ = process.communicate(timeout=ENDED_WITHIN_S)

    again = imported(server.url, folder)

    assert process.returncode == (-number if number == signal.SIGKILL else 130)
    assert ("the same command goes on from there" in said) == (number != signal.SIGKILL)
    assert "Traceback" not in said
    assert again.returncode == 0, again.stderr
    assert counts(again) == {
        "evals": {"imported": 0, "there already": 1},
        "runs": {"imported": 0, "there already": 2},
        "output items": {"imported": 300, "there already": 200},
    }
    assert_kept(read_back(server, given.eval["id"]), given)


def test_a_server_that_is_busy_or_breaks_off_is_asked_again(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("faults", items=250)
    folder = as_folder(langfuse_folder(given), tmp_path)
    faults = {
        1: Instead("answer", 429, {"retry-after-ms": "1"}),
        2: Instead("answer", 503, {"retry-after": "0"}),
        4: Instead("cut"),
        6: Instead("answer", 502),
    }
    with Proxy(server.port, faults.get) as proxy:
        found = imported(proxy.url, folder)

    assert (found.returncode, found.stderr) == (0, "")
    assert_kept(read_back(server, given.eval["id"]), given)
    assert counts(found)["runs"]["there already"] + counts(found)["runs"]["imported"] == 2


def test_no_request_is_large(server: EvaldServer, tmp_path: Path) -> None:
    given = history("large", runs=1, items=12)
    for item in given.items:
        item["datasource_item"]["text"] = "x" * 700_000
    folder = as_folder(langfuse_folder(given), tmp_path)
    with Proxy(server.port) as proxy:
        found = imported(proxy.url, folder)

    assert found.returncode == 0, found.stderr
    assert max(len(body) for body in proxy.posts) < 3 * 2**20
    assert_kept(read_back(server, given.eval["id"]), given)


def test_a_server_that_is_gone_is_said_with_what_is_safe(
    server: EvaldServer, tmp_path: Path
) -> None:
    folder = as_folder(langfuse_folder(history("gone")), tmp_path)
    busy = Instead("answer", 503, {"retry-after": "100000"})
    with Proxy(server.port, lambda post: busy if post == 2 else None) as proxy:
        found = imported(proxy.url, folder)

    assert found.returncode == 1
    assert "It asks for a pause of 100,000 s" in found.stderr
    assert "What was sent is kept (1 eval); the same command goes on from there" in found.stderr


def test_a_server_that_does_not_run_is_said(tmp_path: Path) -> None:
    folder = as_folder(langfuse_folder(history("nowhere")), tmp_path)

    found = imported("http://127.0.0.1:9", folder)

    assert found.returncode == 1
    assert "http://127.0.0.1:9: It does not answer: [Errno 111] Connection refused." in found.stderr


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8484", "http://", "http://a:b", "ftp://a", "http://a b"]
)
def test_what_is_no_url_is_not_asked(tmp_path: Path, url: str) -> None:
    options = Options(
        tmp_path,
        url,
        dry_run=False,
        models=(),
        project=None,
        api_key=None,
        max_members=1,
        max_gb=1,
        max_ratio=1,
    )

    with pytest.raises(CannotImport, match="The URL is none"):
        import_archive(options)


def test_what_is_no_evald_or_an_older_one_is_said(server: EvaldServer, tmp_path: Path) -> None:
    folder = as_folder(langfuse_folder(history("elsewhere")), tmp_path)
    with Proxy(server.port, lambda _: Instead("answer", 404)) as proxy:
        older = imported(proxy.url, folder)

    other = imported(f"{server.url}/v1/models", folder)

    assert (older.returncode, other.returncode) == (1, 1)
    assert "it may be an older evald" in older.stderr
    assert "What answers there is no evald (404)." in other.stderr
