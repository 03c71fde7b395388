"""A pull reads everything, exactly, and once."""

import json
from pathlib import Path

import pytest

from tests.archive.api_server import ApiServer, Asked, Content, Fault
from tests.archive.pulling import (
    KEY,
    assert_holds,
    failures,
    items_of,
    one_line,
    pulled,
)


def some_content() -> Content:
    content = Content()
    content.lists |= {"evals": [], "files": []}
    for number in range(3):
        eval_id = f"eval_{number}"
        content.add("evals", id=eval_id, object="eval", name="a \u2028 name")
        for run in range(7 - (number == 2)):
            content.add_run(eval_id, f"evalrun_{number}_{run}", 250)
    body = b'{"item": {"q": "\xc3\xa6"}}\r\n' * 20_000
    content.add("files", id="file-1", purpose="evals", bytes=len(body))
    content.bodies["files/file-1/content"] = body
    return content


def test_5000_items_come_exactly_through_429_504_on_large_pages_and_a_cut_connection(
    tmp_path: Path,
) -> None:
    content = some_content()
    odd = b'{"id":"evalrun_0_0-odd","n":123456789012345678901234567890,"x":1.0e0,"x":2,"s":"\\u00e6\\/"}'
    content.lists["evals/eval_0/runs/evalrun_0_0/output_items"].append(odd)
    seen: list[str] = []

    def fault(asked: Asked) -> Fault | None:
        seen.append(asked.path)
        if len(seen) in (2, 9, 10):
            return 429
        if asked.path.endswith("evalrun_1_1/output_items") and int(asked.query["limit"]) > 50:
            return 504
        return "cut" if seen.count(asked.path) == 1 and asked.path.endswith("content") else None

    with ApiServer(content) as api:
        api.fault = fault
        pull = pulled(api, tmp_path / "archive")

        assert (pull.returncode, pull.stderr) == (0, "")
        assert "3 evals, 20 runs (0 of them here already), 5,001 output items read, 1 file" in (
            pull.stdout
        )
        assert_holds(tmp_path / "archive", api)
        assert failures(tmp_path / "archive") == []
        assert json.loads((tmp_path / "archive" / "manifest.json").read_bytes())["is_complete"]


def test_a_second_pull_reads_only_what_is_new_and_runs_that_were_not_final(tmp_path: Path) -> None:
    content = Content({"files": []})
    content.add("evals", id="eval_1")
    content.add_run("eval_1", "evalrun_done", 3)
    content.add_run("eval_1", "evalrun_going", 2, status="in_progress")
    folder = tmp_path / "archive"
    with ApiServer(content) as api:
        first = pulled(api, folder)
        api.asked.clear()
        content.lists["evals/eval_1/runs"].pop()
        content.add_run("eval_1", "evalrun_going", 4, status="canceled")
        content.add_run("eval_1", "evalrun_new", 1)

        second = pulled(api, folder)

        assert (first.returncode, second.returncode) == (0, 0)
        assert "(1 of them here already), 5 output items read" in second.stdout
        assert sorted(api.paths()) == [
            "evals",
            "evals/eval_1/runs",
            "evals/eval_1/runs/evalrun_going/output_items",
            "evals/eval_1/runs/evalrun_new/output_items",
            "files",
        ]
        assert_holds(folder, api)


def test_an_item_that_cannot_be_had_is_named_and_the_next_pull_asks_again(tmp_path: Path) -> None:
    content = Content({"files": []})
    content.add("evals", id="eval_1")
    content.add_run("eval_1", "evalrun_1", 9)
    path = "evals/eval_1/runs/evalrun_1/output_items"
    folder = tmp_path / "archive"
    with ApiServer(content) as api:

        def fault(asked: Asked) -> Fault | None:
            page = (api.page(asked) or []) if asked.path == path else []
            poisoned = [b'"evalrun_1-4"' in each for each in page[: int(asked.query["limit"])]]
            return 500 if any(poisoned) else None

        api.fault = fault
        first = pulled(api, folder)

        lines = [one_line(each) for each in content.lists[path]]
        assert first.returncode == 1
        assert "1 thing could not be had" in first.stderr
        assert [(each["path"], each["after"]) for each in failures(folder)] == [
            (path, "evalrun_1-3")
        ]
        assert items_of(folder, "eval_1", "evalrun_1") == lines[:4] + lines[5:]

        api.fault = lambda _: None
        healed = pulled(api, folder)

        assert healed.returncode == 0
        assert_holds(folder, api)
        assert failures(folder) == []


def test_a_completed_run_whose_list_ends_early_is_named_and_asked_for_again(
    tmp_path: Path,
) -> None:
    content = Content({"files": []})
    content.add("evals", id="eval_1")
    content.add_run("eval_1", "evalrun_1", 250)
    content.add_run("eval_1", "evalrun_stopped", 250, status="canceled")
    folder = tmp_path / "archive"
    path = "evals/eval_1/runs/evalrun_1/output_items"
    lists = content.lists
    whole, stopped = lists[path], lists["evals/eval_1/runs/evalrun_stopped/output_items"]
    with ApiServer(content) as api:
        lists[path] = whole[:120]
        del stopped[200:]
        first = pulled(api, folder)
        lists[path] = whole[:110]
        shorter = pulled(api, folder)

        assert (first.returncode, shorter.returncode) == (1, 1)
        assert len(items_of(folder, "eval_1", "evalrun_1")) == 120
        (told,) = failures(folder)
        assert told["path"] == path
        assert told["reason"].startswith("the list ended after 120 of the 250 items")
        assert (folder / "evals/eval_1/runs/evalrun_1/incomplete.json").exists()

        lists[path] = whole
        healed = pulled(api, folder)

        assert healed.returncode == 0
        assert_holds(folder, api)
        assert failures(folder) == []
        assert not (folder / "evals/eval_1/runs/evalrun_1/incomplete.json").exists()


def test_ids_that_are_no_names_of_folders_are_refused_and_the_rest_goes_in(tmp_path: Path) -> None:
    content = Content({"files": []})
    hostile = ["../../escaped", "/etc/x", ".", "..", ".hidden", "a/b", "a\\b", "x" * 300, "a\u0000"]
    for each in hostile:
        content.add("evals", id=each)
    content.add("evals", id={})
    content.add("evals", id="eval_1")
    content.add_run("eval_1", "../evalrun", 1)
    content.add_run("eval_1", "evalrun_1", 1)
    folder = tmp_path / "deep" / "archive"
    with ApiServer(content) as api:
        pull = pulled(api, folder)

    assert pull.returncode == 1
    assert [each.name for each in (folder / "evals").iterdir()] == ["eval_1"]
    assert [each.name for each in (folder / "evals/eval_1/runs").iterdir()] == ["evalrun_1"]
    assert len(failures(folder)) == len(hostile) + 2
    assert [each.name for each in tmp_path.iterdir()] == ["deep"]
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["archive"]


def test_pages_that_hang_or_are_huge_are_asked_for_in_smaller_ones(tmp_path: Path) -> None:
    content = Content({"files": []})
    content.add("evals", id="eval_1")
    content.add_run("eval_1", "evalrun_hangs", 3)
    content.add_run("eval_1", "evalrun_huge", 0)
    path = "evals/eval_1/runs/evalrun_huge/output_items"
    for number in range(30):
        content.add(path, id=f"huge-{number}", text="x" * 1_000_000)
    with ApiServer(content) as api:
        api.fault = lambda asked: (
            "hang" if "hangs" in asked.path and asked.query["limit"] == "100" else None
        )
        pull = pulled(api, tmp_path / "archive", "--timeout", "2", "--tries", "5")

        assert (pull.returncode, pull.stderr) == (0, "")
        assert_holds(tmp_path / "archive", api)


def test_stored_completions_come_with_their_messages_when_they_are_asked_for(
    tmp_path: Path,
) -> None:
    content = Content({"evals": [], "files": []})
    raw = content.add("chat/completions", id="chatcmpl-1", choices=[])
    content.add("chat/completions", id="chatcmpl-1", choices=[])  # a list that names one twice
    message = content.add("chat/completions/chatcmpl-1/messages", id="chatcmpl-1-0", role="user")
    with ApiServer(content) as api:
        api.tells_no_end = True
        assert pulled(api, tmp_path / "without").returncode == 0
        assert "chat/completions" not in api.paths()
        assert pulled(api, tmp_path / "with", "--stored-completions").returncode == 0

    folder = tmp_path / "with" / "stored_completions" / "chatcmpl-1"
    assert (folder / "completion.json").read_bytes() == raw
    assert (folder / "messages.jsonl").read_bytes() == one_line(message) + b"\n"


@pytest.mark.parametrize("header", ["authorization", "api-key"])
def test_the_key_is_sent_as_the_api_wants_it_and_told_nowhere(tmp_path: Path, header: str) -> None:
    content = Content({"files": []})
    content.add("evals", id="eval_1")
    azure = header == "api-key"
    with ApiServer(content) as api:
        api.fault = lambda asked: 403 if asked.path.endswith("runs") else None  # it repeats the key
        environment = {
            "AZURE_OPENAI_API_KEY": KEY if azure else "sk-other",
            "OPENAI_API_KEY": "sk-other" if azure else KEY,
        }
        pull = pulled(
            api, tmp_path / "archive", *(["--azure"] if azure else []), environment=environment
        )

        sent = {each.headers.get(header) for each in api.asked}
        assert sent == {KEY if azure else f"Bearer {KEY}"}
        assert not any("sk-other" in str(each.headers) for each in api.asked)
    assert pull.returncode == 1
    assert "[key]" in pull.stdout
    assert KEY not in pull.stdout + pull.stderr
    files = [each for each in (tmp_path / "archive").rglob("*") if each.is_file()]
    assert [each for each in files if KEY.encode() in each.read_bytes()] == []
