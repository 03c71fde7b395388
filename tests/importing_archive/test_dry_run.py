"""A dry run says what the import after it says, and keeps nothing."""

import json
from pathlib import Path

from tests.importing_archive.history import History, Object, history
from tests.importing_archive.importing import counts, imported
from tests.importing_archive.shapes import Files, as_folder, lines, whole
from tests.server import EvaldServer


def in_order(found: History) -> list[Object]:
    return [found.eval, *found.runs, *found.items]


def refused_evals() -> list[Object]:
    """Give an eval that is none, with its run and its items."""
    given = history("dry-wrong", runs=1, items=2)
    given.eval["name"] = 5
    return in_order(given)


def items_elsewhere() -> list[Object]:
    """Give a run with an item that names another eval than its run."""
    given = history("dry-elsewhere", runs=1, items=2)
    given.items[1]["eval_id"] = "eval_dry-another"
    return in_order(given)


def said_twice() -> Files:
    """Give an eval, two runs and items that come twice: in a request, and in requests apart."""
    given = history("dry-twice", runs=2, items=70)
    other_run: Object = {**given.runs[0], "name": "another name"}
    other_item: Object = {**given.items[0], "datasource_item": {"text": "another"}}
    return {
        "a.jsonl": lines([*in_order(given), given.eval, given.runs[1], given.items[139]]),
        "b.jsonl": lines([given.eval, other_run, given.runs[1], other_item, given.items[1]]),
    }


def refused_at_first() -> list[Object]:
    """Give a run that is none, and then the sound one of the same id."""
    given = history("dry-then-sound", runs=1, items=1)
    return [given.eval, {**given.runs[0], "created_at": "never"}, *given.runs, *given.items]


def completions_twice() -> list[Object]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}
    answer = {"object": "chat.completion", "created": 1753000000, "model": "m", "choices": [choice]}
    return [{**answer, "id": f"chatcmpl-dry-{number}"} for number in (1, 2, 1)]


def test_a_dry_run_and_the_import_after_it_count_the_same(
    server: EvaldServer, tmp_path: Path
) -> None:
    files = {
        **said_twice(),
        "wrong.jsonl": lines(refused_evals()),
        "elsewhere.jsonl": lines(items_elsewhere()),
        "then_sound.jsonl": lines(refused_at_first()),
        "completions.json": whole(completions_twice()),
    }
    folder = as_folder(files, tmp_path)

    dry = imported(server.url, folder, "--dry-run")
    found = imported(server.url, folder)
    dry_again = imported(server.url, folder, "--dry-run")
    again = imported(server.url, folder)

    assert (dry.returncode, found.returncode) == (1, 1)
    assert counts(dry) == counts(found)
    assert counts(dry)["evals"]["failed"] == 1
    assert counts(dry)["runs"] == {
        "imported": 4,
        "there already": 2,
        "different": 1,
        "failed": 2,
    }
    assert counts(dry)["stored completions"]["there already"] == 1
    assert "Its run 'evalrun_dry-wrong0' is not taken." in dry.stderr
    assert "is none of the eval 'eval_dry-another'" in dry.stderr
    assert counts(dry_again) == counts(again)


def test_runs_that_are_refused_are_not_said_to_lack_items(
    server: EvaldServer, tmp_path: Path
) -> None:
    folder = as_folder({"wrong.jsonl": lines(refused_evals()[:2])}, tmp_path)

    for found in (imported(server.url, folder, "--dry-run"), imported(server.url, folder)):
        assert found.returncode == 1
        assert "evalrun_dry-wrong0" in found.stderr
        assert "not in the archive" not in found.stdout
        assert "Look at" not in found.stdout


def test_a_dry_run_refuses_a_file_whose_id_has_other_bytes(
    server: EvaldServer, tmp_path: Path
) -> None:
    row = json.dumps({"item": {"q": 1}}).encode() + b"\n"
    folder = as_folder({"a/file-dry.jsonl": row, "b/file-dry.jsonl": row * 2}, tmp_path)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "file-dry.jsonl").write_bytes(row)

    dry = imported(server.url, folder, "--dry-run")
    found = imported(server.url, folder)

    assert counts(dry)["files"] == counts(found)["files"]
    assert counts(dry)["files"] == {"imported": 1, "there already": 1, "failed": 1}
    assert "b/file-dry.jsonl, file-dry: " in dry.stderr
