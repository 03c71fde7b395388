"""Every shape goes in with its ids and times, and reads as it did where it was made."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.replay import FOLDER, NOT_REPLAYED
from tests.importing_archive.history import History, history
from tests.importing_archive.importing import (
    NOTHING_NEW,
    assert_kept,
    counts,
    imported,
    read_back,
)
from tests.importing_archive.shapes import SHAPES, Files, as_folder, as_tar, as_zip, pull_archive
from tests.server import EvaldServer


def as_file(files: Files, path: Path) -> Path:
    [content] = files.values()
    path.write_bytes(content)
    return path


def goes_in(server: EvaldServer, path: Path, given: History) -> None:
    first, second = imported(server.url, path), imported(server.url, path)

    assert (first.returncode, first.stderr) == (0, "")
    assert {name: each["imported"] for name, each in counts(first).items()} == {
        "evals": 1,
        "runs": len(given.runs),
        "output items": len(given.items),
    }
    assert_kept(read_back(server, given.eval["id"]), given)
    assert (second.returncode, second.stderr) == (0, "")
    assert NOTHING_NEW in second.stdout


@pytest.mark.parametrize("shape", SHAPES)
def test_a_folder_of_this_shape_reads_as_it_did(
    server: EvaldServer, tmp_path: Path, shape: str
) -> None:
    given = history(f"folder-{shape}")

    goes_in(server, as_folder(SHAPES[shape](given), tmp_path), given)


@pytest.mark.parametrize("shape", ["langfuse_folder", "codereview_folders", "pages"])
def test_what_the_python_sdk_dumps_reads_as_the_api_sent_it(
    server: EvaldServer, tmp_path: Path, shape: str
) -> None:
    given = history(f"dumped-{shape}")

    goes_in(server, as_folder(SHAPES[shape](given.dumped), tmp_path), given)


def test_a_zip_a_tar_and_a_file_by_itself_are_archives(server: EvaldServer, tmp_path: Path) -> None:
    for name, pack, shape in (
        ("zip", as_zip, "pull_archive"),
        ("tgz", as_tar, "langfuse_folder"),
        ("file", as_file, "json_lines"),
    ):
        given = history(f"packed-{name}", runs=1)
        goes_in(server, pack(SHAPES[shape](given), tmp_path / name), given)


def test_a_tar_without_compression_is_an_archive(server: EvaldServer, tmp_path: Path) -> None:
    given = history("plain-tar", runs=1)

    goes_in(server, as_tar(pull_archive(given), tmp_path / "dump", "w"), given)


def test_the_shapes_that_were_seen_elsewhere_go_in(server: EvaldServer, tmp_path: Path) -> None:
    if not FOLDER.exists():
        pytest.skip(NOT_REPLAYED)
    seen = json.loads((FOLDER / "export_archive_shapes.json").read_bytes())
    as_folder(seen_files(seen), tmp_path)
    item = seen["foundry_list"][0]
    for shape in ("list", "curl", "page", "langfuse", "codereview"):
        first, second = (imported(server.url, tmp_path / shape) for _ in range(2))

        assert first.returncode == 0, first.stderr
        assert NOTHING_NEW in second.stdout
        [found] = read_back(server, item["eval_id"]).items
        assert {key: found[key] for key in ("id", "created_at", "datasource_item")} == {
            key: item[key] for key in ("id", "created_at", "datasource_item")
        }
    whole = read_back(server, item["eval_id"])
    run = seen["langfuse_guide"]["eval_file"]["runs"][0]["run"]
    assert whole.eval["name"] == "ticket labels"
    assert whole.runs[0]["result_counts"] == run["result_counts"]
    assert whole.runs[0]["per_model_usage"][0]["model_name"] == "gpt-4.1-2025-04-14"


def seen_files(seen: dict[str, Any]) -> Files:
    folder = seen["codereview_run_dir"]
    guide = seen["langfuse_guide"]
    values = {
        "langfuse/eval_0001.json": guide["eval_file"],
        "langfuse/files/file-abc.jsonl": guide["files_jsonl_line"],
        "page/evalrun_0001.json": seen["page_dump"]["file"],
        "curl/all.json": seen["curl_aggregate"],
        "list/all.json": seen["foundry_list"],
        **{f"codereview/{name}": folder[name] for name in folder if name.endswith(".json")},
    }
    return {name: json.dumps(value).encode() for name, value in values.items()}
