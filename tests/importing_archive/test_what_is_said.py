"""What an import says: before it, at its end, and what to do next."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.access.commands import make_key
from tests.importing_archive.history import History, history
from tests.importing_archive.importing import (
    assert_kept,
    counts,
    imported,
    read_back,
)
from tests.importing_archive.proxy import Instead, Proxy
from tests.importing_archive.shapes import a_page, as_folder, langfuse_folder, lines, pull_archive
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.server import CHECKOUT, EvaldServer, evald_environment
from tests.waiting import until

KEY = "sk-a-key-that-nobody-may-see"


def test_a_dry_run_says_what_would_become_of_it_and_keeps_nothing(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("dry")
    folder = as_folder(langfuse_folder(given), tmp_path)

    dry = imported(server.url, folder, "--dry-run")

    assert (dry.returncode, dry.stderr) == (0, "")
    assert "A dry run: nothing was changed." in dry.stdout
    assert {name: each["imported"] for name, each in counts(dry).items()} == {
        "evals": 1,
        "runs": 2,
        "output items": 6,
    }
    assert "--map gpt-gone=" in dry.stdout
    assert server.ask("GET", f"/v1/evals/{given.eval['id']}").status == 404


def test_an_eval_with_another_judge_runs_at_once(
    server: EvaldServer, models: ModelServer, tmp_path: Path
) -> None:
    given = history("mapped")
    folder = as_folder(langfuse_folder(given), tmp_path)
    verdict = '{"steps": [], "result": "right"}'
    models.script(Step(text=verdict))

    found = imported(server.url, folder, "--map", "gpt-gone=local", "--map", "o9=local")

    assert found.returncode == 0, found.stderr
    assert "--map o9=…: no judge of an eval in it asks for this model." in found.stdout
    known = read_back(server, given.eval["id"])
    assert [each.get("model") for each in known.eval["testing_criteria"]] == [None, "local"]
    run = graded(server, given.eval["id"])
    assert run["result_counts"]["passed"] == 1
    assert {each.body["model"] for each in models.requests()} == {"local"}
    kept = [each for each in known.runs if each["id"] == given.runs[0]["id"]]
    assert kept[0]["model"] == given.runs[0]["model"]


def graded(server: EvaldServer, eval_id: str) -> dict[str, dict[str, int]]:
    """Run the eval on one answer and give the run when it is over."""
    sample = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}}]}
    row = {"item": {"text": "t", "label": "a"}, "sample": {"model": "m", **sample}}
    source = {"type": "jsonl", "source": {"type": "file_content", "content": [row]}}
    made = server.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": source})
    assert made.status == 201, made.body
    path = f"/v1/evals/{eval_id}/runs/{made.json['id']}"
    until(lambda: server.ask("GET", path).json["status"] == "completed")
    return dict(server.ask("GET", path).json)


def test_judges_that_nobody_serves_are_named_with_what_to_do(
    server: EvaldServer, tmp_path: Path
) -> None:
    folder = as_folder(langfuse_folder(history("judges")), tmp_path)

    found = imported(server.url, folder)

    assert "Judges that the server lists no model for: gpt-gone" in found.stdout
    assert '    [aliases]\n    "gpt-gone" = "scripted"\n' in found.stdout  # and not "an-alias"
    assert "Look at http" in found.stdout
    late = imported(server.url, folder, "--map", "gpt-gone=other")
    assert (late.returncode, counts(late)["evals"]["different"]) == (1, 1)
    assert "--map is for its first import" in late.stdout


def test_an_eval_without_runs_is_shown_on_its_page(server: EvaldServer, tmp_path: Path) -> None:
    given = history("alone", runs=0)
    folder = as_folder(langfuse_folder(given), tmp_path)

    found = imported(server.url, folder)

    page = f"/evaluations/{given.eval['id']}"
    assert f"Look at {server.url}{page}\n" in found.stdout
    assert server.ask("GET", page).headers["content-type"].startswith("text/html")


def test_where_nothing_came_in_there_is_no_table(server: EvaldServer, tmp_path: Path) -> None:
    folder = as_folder({"x.json": b'"x"'}, tmp_path)

    found = imported(server.url, folder)

    assert (found.returncode, found.stdout) == (1, "")
    assert "  x.json: it is JSON without an object or a list\n" in found.stderr


def test_a_path_that_is_not_there_is_said_before_any_server_is_asked(tmp_path: Path) -> None:
    found = imported("http://127.0.0.1:9", tmp_path / "nope")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == f"Nothing was imported. {tmp_path}/nope: it is not there.\n"


def test_a_wrong_option_is_told_with_the_command_as_it_is_typed(tmp_path: Path) -> None:
    found = imported("http://127.0.0.1:9", tmp_path, "--nope")

    assert "evald import [OPTIONS] PATH\nTry '" in found.stderr
    assert "evald import --help' for help." in found.stderr


def test_output_items_that_are_missing_are_said(server: EvaldServer, tmp_path: Path) -> None:
    given = history("missing", runs=1)
    files = pull_archive(given)
    run_id = given.runs[0]["id"]
    folder = f"evals/{given.eval['id']}/runs/{run_id}"
    files[f"{folder}/output_items.jsonl"] = lines(given.items[:2])
    files[f"{folder}/incomplete.json"] = json.dumps({"after": "x", "reason": "504"}).encode()
    failure = {"path": folder, "id": None, "after": "x", "reason": "504"}
    files["failures.jsonl"] = lines([failure])
    files["manifest.json"] = b'{"format": "evald archive", "is_complete": false}'

    found = imported(server.url, as_folder(files, tmp_path))

    assert (found.returncode, found.stderr) == (0, "")
    assert f"  {run_id}: it says 3, the archive has 2" in found.stdout
    assert "The pull could not have 1 thing (failures.jsonl)." in found.stdout
    assert "The pull of this archive is not complete." in found.stdout


def test_what_a_stopped_pull_left_goes_in_as_far_as_it_is_whole(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("parts", runs=1)
    files = pull_archive(given)
    folder = f"evals/{given.eval['id']}/runs/{given.runs[0]['id']}"
    del files[f"{folder}/output_items.jsonl"], files[f"{folder}/run.json"]
    files[f"{folder}/output_items.jsonl.part"] = lines(given.items[:2]) + b'{"id": "half of'
    files[f"{folder}/output_items.jsonl.tail.part"] = b"not read"

    found = imported(server.url, as_folder(files, tmp_path))

    assert found.returncode == 0, found.stderr
    assert "The pull of this archive is not complete." in found.stdout
    [run] = read_back(server, given.eval["id"]).runs
    assert run["result_counts"] == {"total": 2, "passed": 1, "failed": 1, "errored": 0}


def test_runs_and_evals_are_put_together_from_items_until_the_real_ones_come(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("items-only")
    pages = {f"{run['id']}.json": a_page_of(given, number) for number, run in enumerate(given.runs)}
    folder = as_folder(pages, tmp_path / "pages")

    first = imported(server.url, folder)
    alone = read_back(server, given.eval["id"])
    second = imported(server.url, as_folder(langfuse_folder(given), tmp_path / "whole"))
    third = imported(server.url, folder)

    assert first.returncode == 0, first.stderr
    assert [each["result_counts"] for each in alone.runs] == [
        each["result_counts"] for each in given.runs
    ]
    assert alone.runs[0]["per_testing_criteria_results"][0]["passed"] == 2
    assert alone.runs[0]["per_model_usage"][0]["invocation_count"] == 3
    assert alone.runs[0]["evald"]["imported"]["reconstructed"] is True
    assert [each["name"] for each in alone.eval["testing_criteria"]] == ["Same", "Judge"]
    assert counts(second)["runs"]["replaced"] == 2
    assert_kept(read_back(server, given.eval["id"]), given)
    assert (third.returncode, third.stderr.count("\n")) == (0, 0)


def a_page_of(given: History, number: int) -> bytes:
    return json.dumps(a_page(given.items_of(given.runs[number]))).encode()


def test_the_key_is_told_nowhere_and_decides_what_is_seen(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("secret", runs=1)
    given.eval["name"] = KEY
    given.items[0]["created_at"] = KEY
    folder = as_folder(pull_archive(given), tmp_path)

    found = imported(server.url, folder, "--map", f"{KEY}=x", key=KEY)

    assert found.returncode == 1
    assert KEY not in found.stdout + found.stderr


def test_a_terminal_shows_how_far_it_is_and_a_file_holds_no_signs(
    server: EvaldServer, tmp_path: Path
) -> None:
    folder = as_folder(langfuse_folder(history("drawn", items=60)), tmp_path)
    pause = Instead("answer", 429, {"retry-after-ms": "300"})
    with Proxy(server.port, {2: pause}.get) as proxy:
        said = said_at_a_terminal(proxy.url, folder)
        plain = imported(proxy.url, folder).stdout

    assert "\r\x1b[KSending output items: " in said
    assert "\x1b" not in plain


def said_at_a_terminal(url: str, folder: Path) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "evald", "import", "--url", url, str(folder)]
    with subprocess.Popen(command, cwd=CHECKOUT, env=evald_environment({}), stdout=theirs):
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # that is the end of a terminal
            while piece := os.read(ours, 4096):
                said += piece
    os.close(ours)
    return said.decode()


def test_an_id_of_another_project_is_refused_and_tells_nothing(tmp_path: Path) -> None:
    keyed = EvaldServer(tmp_path)
    mine, theirs = (
        make_key(keyed.data_dir, "--project", name).secret for name in ("mine", "theirs")
    )
    given = history("shared", runs=1)
    folder = as_folder(langfuse_folder(given), tmp_path / "archive")

    with keyed:
        without = imported(keyed.url, folder)
        first = imported(keyed.url, folder, key=mine)
        second = imported(keyed.url, folder, key=theirs)

    assert (without.returncode, "EVALD_API_KEY" in without.stderr) == (1, True)
    assert first.returncode == 0, first.stderr
    assert second.returncode == 1
    assert counts(second)["evals"]["failed"] == 1
    assert "tickets" not in second.stderr
    assert mine not in second.stdout + second.stderr
