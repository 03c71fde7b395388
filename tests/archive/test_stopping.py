"""A pull that ends early loses nothing, says why, and goes on from there."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archive.api_server import ApiServer, Asked, Content, Fault
from tests.archive.pulling import KEY, arguments, assert_holds, begun, ended, pulled
from tests.server import CHECKOUT, UNCOMPILED, evald_ended, evald_environment
from tests.waiting import until

ITEMS = "evals/eval_1/runs/evalrun_1/output_items"


def one_long_run(items: int = 450) -> Content:
    content = Content({"files": []})
    content.add("evals", id="eval_1")
    content.add_run("eval_1", "evalrun_1", items)
    return content


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_pull_that_was_stopped_goes_on_from_its_last_whole_page(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "archive"

    def fault(asked: Asked) -> Fault | None:
        return "hang" if asked.query.get("after") == "evalrun_1-299" else None

    with ApiServer(one_long_run()) as api:
        api.fault = fault
        process = begun(api, folder)
        until(lambda: any(fault(each) for each in api.asked))
        part = folder / "evals/eval_1/runs/evalrun_1/output_items.jsonl.part"
        until(lambda: part.read_bytes().count(b"\n") == 300)
        process.send_signal(number)
        said = ended(process)
        with part.open("ab") as file:
            file.write(b'{"id": "half of a li')  # as a power cut leaves it
        api.fault = lambda _: None
        api.asked.clear()

        again = pulled(api, folder)

        assert process.returncode == (-number if number == signal.SIGKILL else 130)
        assert ("the same command goes on from there" in said) == (number != signal.SIGKILL)
        assert "Traceback" not in said
        asked = [each.query.get("after") for each in api.asked if each.path == ITEMS]
        assert asked == ["evalrun_1-299", "evalrun_1-399"]
        assert again.returncode == 0
        assert_holds(folder, api)


def test_where_the_last_item_is_unknown_by_now_the_run_is_read_anew(tmp_path: Path) -> None:
    run = tmp_path / "archive" / "evals/eval_1/runs/evalrun_1"
    run.mkdir(parents=True)
    (run / "output_items.jsonl.part").write_bytes(b'{"id": "deleted"}\n')
    with ApiServer(one_long_run(3)) as api:
        pull = pulled(api, tmp_path / "archive")

        assert (pull.returncode, pull.stderr) == (0, "")
        assert_holds(tmp_path / "archive", api)


def test_items_of_a_run_that_is_gone_stay_where_they_were_read(tmp_path: Path) -> None:
    run = tmp_path / "archive" / "evals/eval_1/runs/evalrun_1"
    run.mkdir(parents=True)
    (run / "output_items.jsonl.part").write_bytes(b'{"id": "evalrun_1-0"}\n')
    content = one_long_run(0)
    del content.lists[ITEMS]
    with ApiServer(content) as api:
        pull = pulled(api, tmp_path / "archive")

    assert pull.returncode == 1
    assert (run / "output_items.jsonl").read_bytes() == b'{"id": "evalrun_1-0"}\n'
    assert (run / "incomplete.json").exists()


def test_a_full_disk_is_said_and_what_was_written_stays(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    with ApiServer(one_long_run(1500)) as api:
        command = [sys.executable, "-m", "evald", *arguments(api.base_url, folder)]
        full = subprocess.run(
            ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", *command],
            cwd=CHECKOUT,
            env=evald_environment({"OPENAI_API_KEY": KEY, **UNCOMPILED}),
            capture_output=True,
            text=True,
            check=False,
        )
        part = folder / "evals/eval_1/runs/evalrun_1/output_items.jsonl.part"
        kept = part.read_bytes().count(b"\n")
        api.asked.clear()

        again = pulled(api, folder)

        assert full.returncode == 1
        assert "cannot be written: File too large" in full.stderr
        assert "Traceback" not in full.stderr
        assert kept > 100
        first = next(each for each in api.asked if each.path == ITEMS)
        assert first.query["after"] == f"evalrun_1-{kept - 1}"
        assert again.returncode == 0
        assert_holds(folder, api)


def test_a_folder_takes_one_pull_at_a_time_and_one_api(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    with ApiServer(one_long_run(3)) as api, ApiServer(Content({"evals": []})) as other:
        api.fault = lambda asked: "hang" if asked.path == ITEMS else None
        process = begun(api, folder)
        until(lambda: ITEMS in api.paths())

        meanwhile = pulled(api, folder)
        process.send_signal(signal.SIGINT)
        ended(process)
        foreign = pulled(other, folder)

        assert (meanwhile.returncode, foreign.returncode) == (1, 1)
        assert "Another pull works in" in meanwhile.stderr
        assert f"holds what was read from {api.base_url}" in foreign.stderr
        assert other.asked == []


def test_an_api_that_refuses_the_key_or_is_not_there_ends_the_pull_with_the_reason(
    tmp_path: Path,
) -> None:
    with ApiServer(one_long_run(3)) as api:
        api.fault = lambda _: 401
        refused = pulled(api, tmp_path / "refused")
    gone = pulled(api, tmp_path / "gone")
    keyless = evald_ended(
        "pull", "openai", "--out", str(tmp_path / "keyless"), environment={"OPENAI_API_KEY": ""}
    )

    assert (refused.returncode, gone.returncode, keyless.returncode) == (1, 1, 1)
    assert "It does not take the key: 401" in refused.stderr
    assert "It cannot be reached" in gone.stderr
    assert "set OPENAI_API_KEY" in keyless.stderr
    assert KEY not in refused.stderr + gone.stderr
    manifest = json.loads((tmp_path / "gone" / "manifest.json").read_bytes())
    assert manifest["is_complete"] is False
