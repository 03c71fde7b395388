"""`evald export eval`: the archive of a pull, of some evals of a running server."""

import json
import subprocess
from pathlib import Path

from tests.access.commands import make_key
from tests.archive.api_server import ApiServer, Content
from tests.exports.awkward import Line
from tests.runs.making import (
    asked,
    create_eval,
    create_run,
    get_final,
    given,
    jsonl,
    path_of,
    row,
    upload,
)
from tests.server import EvaldServer, evald_ended

GRADED = [{"item": {"answer": "x"}, "sample": {"output_text": "x"}} for _ in range(3)]


def export(
    server: EvaldServer, out: Path, *more: str, key: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    environment = {} if key is None else {"EVALD_API_KEY": key}
    named = ["export", "eval", "--url", server.url, "--out", str(out)]
    return evald_ended(*named, *more, environment=environment)


def finished_run(server: EvaldServer, eval_id: str, source: object = GRADED) -> Line:
    run: Line = get_final(server, create_run(server, eval_id, given(source)))
    return run


def files_in(folder: Path) -> dict[str, bytes]:
    """Give what an archive holds but its manifest."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file() and each.name not in ("manifest.json", ".lock")
    }


def test_an_eval_is_exported_as_it_is_pulled_with_the_files_of_its_runs(
    server: EvaldServer, tmp_path: Path
) -> None:
    eval_id, other = create_eval(server), create_eval(server)
    file_id, gone, unread = (upload(server, jsonl([row(n)])) for n in range(3))
    for source in (GRADED, file_id, gone):
        finished_run(server, eval_id, source)
    finished_run(server, other)
    asked(server, "DELETE", f"/v1/files/{gone}")

    ended = export(server, tmp_path / "export", eval_id)
    pulled = evald_ended(
        "pull", "openai", "--base-url", server.base_url, "--out", str(tmp_path / "pull")
    )

    assert (ended.returncode, ended.stderr, pulled.returncode) == (0, "", 0)
    assert f"{gone}, which a run read, is not there any more" in ended.stdout
    assert "1 eval, 3 runs (0 of them here already), 5 output items read, 1 file" in ended.stdout
    found, expected = files_in(tmp_path / "export"), files_in(tmp_path / "pull")
    of_eval = (f"evals/{eval_id}/", f"files/{file_id}/", "failures.jsonl")
    assert found == {name: text for name, text in expected.items() if name.startswith(of_eval)}
    assert f"files/{file_id}/content" in found
    assert f"files/{unread}/content" in expected
    manifest = json.loads((tmp_path / "export" / "manifest.json").read_bytes())
    assert (manifest["source"], manifest["is_complete"]) == (server.base_url, True)


def test_a_second_export_reads_only_what_is_new_and_adds_to_the_archive(
    server: EvaldServer, tmp_path: Path
) -> None:
    eval_id, other = create_eval(server), create_eval(server)
    first, second = (finished_run(server, each) for each in (eval_id, other))
    assert export(server, tmp_path, eval_id).returncode == 0
    added = finished_run(server, eval_id)

    again = export(server, tmp_path, eval_id, other)

    assert again.returncode == 0
    assert "2 evals, 3 runs (1 of them here already), 6 output items read" in again.stdout
    for run in (first, second, added):
        folder = tmp_path / path_of(run).removeprefix("/v1/")
        assert (folder / "output_items.jsonl").read_bytes().count(b"\n") == 3


def test_one_run_is_exported_alone(server: EvaldServer, tmp_path: Path) -> None:
    eval_id = create_eval(server)
    runs = [finished_run(server, eval_id) for _ in range(3)]

    ended = export(server, tmp_path, eval_id, "--run", runs[1]["id"])

    assert ended.returncode == 0
    assert [each.name for each in (tmp_path / "evals" / eval_id / "runs").iterdir()] == [
        runs[1]["id"]
    ]


def test_what_is_not_there_is_named_and_asked_for_again(
    server: EvaldServer, tmp_path: Path
) -> None:
    eval_id = create_eval(server)

    missing = export(server, tmp_path, eval_id, "eval_nothing")
    other = export(server, tmp_path, eval_id)
    run = export(server, tmp_path, eval_id, "--run", "evalrun_nothing")

    assert [each.returncode for each in (missing, other, run)] == [1, 0, 1]
    assert "No eval found with id 'eval_nothing'" in missing.stdout
    assert "still names what an earlier command could not get" in other.stdout
    lines = (tmp_path / "failures.jsonl").read_text().splitlines()
    paths = [json.loads(line)["path"] for line in lines]
    assert paths == ["evals/eval_nothing", f"evals/{eval_id}/runs/evalrun_nothing"]
    assert not json.loads((tmp_path / "manifest.json").read_bytes())["is_complete"]


def test_wrong_words_are_refused_before_anything_is_written(
    server: EvaldServer, tmp_path: Path
) -> None:
    for words in ([], ["--all", "eval_1"], ["a", "b", "--run", "c"], ["../x"], ["x", "--run", "/"]):
        ended = export(server, tmp_path / "out", *words)

        assert ended.returncode == 1
        assert ended.stderr.startswith("Nothing was exported. ")
    assert not (tmp_path / "out").exists()


def test_the_key_says_whose_evals_are_exported(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    server = EvaldServer(tmp_path / "server")
    keys = [make_key(server.data_dir, "--project", name).secret for name in ("one", "two")]
    with server:
        mine, theirs = (create_eval(server.with_key(key)) for key in keys)

        everything = export(server, tmp_path / "all", "--all", key=keys[0])
        refused = export(server, tmp_path / "theirs", theirs, key=keys[0])
        mismatched = export(server, tmp_path / "two", mine, "--project", "two", key=keys[0])
        keyless = export(server, tmp_path / "none", mine)

    assert everything.returncode == 0
    assert [each.name for each in (tmp_path / "all" / "evals").iterdir()] == [mine]
    for ended in (refused, mismatched, keyless):
        assert ended.returncode == 1
        assert keys[0] not in ended.stdout + ended.stderr
    assert "No eval found" in refused.stdout
    assert "It does not take the key" in keyless.stderr


def test_no_id_that_a_server_sends_leads_out_of_the_folder(tmp_path: Path) -> None:
    held = Content()
    source = {"type": "file_id", "id": "file-1"}
    held.add("evals/eval_1/runs", id="run_1", status="completed", data_source={"source": source})
    held.lists["evals/eval_1/runs/run_1/output_items"] = []
    held.bodies["evals/eval_1"] = b'{"id": "eval_1"}'
    held.bodies["files/file-1"] = b'{"id": "../../outside", "bytes": 1}'
    with ApiServer(held) as api:
        said = ["export", "eval", "eval_1", "--url", api.base_url]
        ended = evald_ended(*said, "--out", str(tmp_path / "deep" / "archive"))

    assert ended.returncode == 1
    assert "files/file-1: what came has another id" in ended.stdout
    assert [each.name for each in tmp_path.iterdir()] == ["deep"]
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["archive"]
    assert not (tmp_path / "deep" / "archive" / "files").exists()


def test_a_url_where_nothing_is_leaves_the_folder_free(server: EvaldServer, tmp_path: Path) -> None:
    eval_id = create_eval(server)

    ftp = export(server, tmp_path, eval_id, "--url", "ftp://127.0.0.1")
    down = export(server, tmp_path, eval_id, "--url", "http://127.0.0.1:9")
    wrong = export(server, tmp_path, eval_id, "--url", f"{server.url}/v1/models")
    right = export(server, tmp_path, eval_id)

    assert [each.returncode for each in (ftp, down, wrong, right)] == [1, 1, 1, 0], right.stderr
    assert "write it as http://127.0.0.1:8484" in ftp.stderr
    assert "It cannot be reached: Cannot connect to host 127.0.0.1:9 [" in down.stderr
    assert f"The archive in {tmp_path} is complete." in right.stdout
