"""What is pulled from one evald and imported into another is pulled from there as it was."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.archive.pulling import arguments
from tests.archive.test_pull_from_evald import logged, made_eval, made_run, uploaded
from tests.importing_archive.importing import counts, imported
from tests.server import EvaldServer, evald_ended

TOLD_ELSEWHERE = ("report_url",)
"""The address of the server itself."""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[EvaldServer]:
    folder = tmp_path / "other"
    folder.mkdir()
    with EvaldServer(folder) as process:
        yield process


def test_pulled_imported_and_pulled_again_is_the_same(
    server: EvaldServer, other: EvaldServer, tmp_path: Path
) -> None:
    eval_id = made_eval(server)
    for items in (3, 130):
        made_run(server, eval_id, items)
    uploaded(server, b'{"item": {"q": "\xc3\xa6"}}\n')
    logged(server)

    pulled(server, tmp_path / "first")
    found = imported(other.url, tmp_path / "first")
    pulled(other, tmp_path / "second")

    assert (found.returncode, found.stderr) == (0, "")
    assert {name: each["imported"] for name, each in counts(found).items()} == {
        "evals": 1,
        "runs": 2,
        "output items": 133,
        "files": 1,
        "stored completions": 1,
    }
    first, second = (files_of(tmp_path / name) for name in ("first", "second"))
    assert first.keys() == second.keys()
    for name in first:
        assert second[name] == first[name], name


def pulled(server: EvaldServer, folder: Path) -> None:
    pull = evald_ended(*arguments(server.base_url, folder, "--stored-completions"))
    assert (pull.returncode, pull.stderr) == (0, "")


def files_of(folder: Path) -> dict[str, Any]:
    """Give what an archive holds, without what differs from server to server."""
    found: dict[str, Any] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.suffix in (".json", ".jsonl") and name != "manifest.json":
            lines = (
                path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]
            )
            found[name] = [_plain(json.loads(line)) for line in lines]
        elif path.name == "content":
            found[name] = path.read_bytes()
    return found


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    told = {key: part for key, part in value.items() if key not in TOLD_ELSEWHERE}
    extras = {key: part for key, part in value.get("evald", {}).items() if key != "imported"}
    return {**told, "evald": extras}
