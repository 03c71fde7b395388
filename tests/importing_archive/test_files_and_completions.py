"""Files and stored completions of an archive keep their ids, times and contents."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from evald.archive.reading.json_pieces import Place
from evald.archive.reading.records import Kind, Record
from evald.archive.sending import batches
from evald.archive.sending.batches import Batches
from evald.archive.sending.completions import Pairs
from evald.archive.sending.outcome import Outcome
from evald.archive.sending.server import Address, Server
from tests.importing_archive.history import history
from tests.importing_archive.importing import NOTHING_NEW, client_of, counts, imported
from tests.importing_archive.proxy import Instead, Proxy
from tests.importing_archive.shapes import (
    Files,
    as_folder,
    as_tar,
    as_zip,
    langfuse_folder,
    lines,
    pull_archive,
    whole,
)
from tests.server import EvaldServer

ROWS = b'{"item": {"q": "\xc3\xa6"}}\r\n{"item": {"q": 2}}\n'


def file_object(file_id: str, size: int) -> dict[str, object]:
    return {
        "object": "file",
        "id": file_id,
        "bytes": size,
        "created_at": 1753000000,
        "expires_at": 1753900000,
        "filename": 'a "b"\u00e6.jsonl',
        "purpose": "evals",
        "status": "processed",
    }


def with_files(name: str) -> Files:
    return {
        **pull_archive(history(name, runs=1)),
        f"files/file-{name}/file.json": whole(file_object(f"file-{name}", len(ROWS))),
        f"files/file-{name}/content": ROWS,
    }


def test_a_file_of_a_pull_keeps_its_id_its_time_and_its_bytes(
    server: EvaldServer, tmp_path: Path
) -> None:
    for name, pack in (("folder", as_folder), ("zip", as_zip), ("tar", as_tar)):
        path = pack(with_files(name), tmp_path / name)

        first, second = (imported(server.url, path) for _ in range(2))

        assert first.returncode == 0, first.stderr
        assert counts(first)["files"]["imported"] == 1
        assert NOTHING_NEW in second.stdout
        with client_of(server) as client:
            file = client.files.retrieve(f"file-{name}")
            assert (file.created_at, file.filename) == (1753000000, 'a "b"\u00e6.jsonl')
            assert client.files.content(f"file-{name}").content == ROWS


def test_rows_that_lie_under_the_id_of_a_file_are_that_file(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("rows", runs=1)
    file_id = given.runs[0]["data_source"]["source"]["id"]
    files = {**langfuse_folder(given), f"files/{file_id}.jsonl": ROWS}

    dry = imported(server.url, as_folder(files, tmp_path), "--dry-run")
    found = imported(server.url, tmp_path)
    again = imported(server.url, tmp_path, "--dry-run")

    assert counts(dry)["files"] == counts(found)["files"] == {"imported": 1, "there already": 0}
    assert counts(again)["files"] == {"imported": 0, "there already": 1}
    with client_of(server) as client:
        file = client.files.retrieve(file_id)
        assert file.created_at == given.runs[0]["created_at"]
        assert client.files.content(file_id).content == ROWS


def test_a_file_with_other_bytes_is_refused_and_one_without_bytes_is_said(
    server: EvaldServer, tmp_path: Path
) -> None:
    files = with_files("changed")
    imported(server.url, as_folder(files, tmp_path / "first"))
    files["files/file-changed/content"] = b'{"item": {"q": 3}}\n'
    files["uploaded_file.json"] = whole(file_object("file-nowhere", 3))

    found = imported(server.url, as_folder(files, tmp_path / "second"))

    assert found.returncode == 1
    assert "files/file-changed/content, file-changed: " in found.stderr
    assert "file, file-nowhere: The archive does not hold its bytes." in found.stderr
    with client_of(server) as client:
        assert client.files.content("file-changed").content == ROWS


def test_a_file_that_another_import_is_just_sending_is_not_refused(
    server: EvaldServer, tmp_path: Path
) -> None:
    folder = as_folder({"file-at-once.jsonl": ROWS}, tmp_path)
    taken = whole({"error": {"message": "The id of this file is taken.", "code": "id_taken"}})

    def other_import(post: int) -> Instead | None:
        if post > 1:
            return None
        assert imported(server.url, folder).returncode == 0
        return Instead("answer", 409, body=taken)

    with Proxy(server.port, other_import) as proxy:
        found = imported(proxy.url, folder)

    assert (found.returncode, found.stderr) == (0, "")
    assert counts(found)["files"] == {"imported": 0, "there already": 1}


def test_of_completions_that_lie_together_only_the_first_waits_for_messages() -> None:
    address = Address(urlsplit("http://127.0.0.1:9"), {}, None)
    outcome = Outcome()
    sent = Batches(
        Server(address, print), "", outcome, batches.completions, outcome.stored_completions
    )
    pairs = Pairs(sent)
    found = [Record(Kind.COMPLETION, {}, b"x" * 100, "all.json", Place(1, 0)) for _ in range(3)]
    for each in found:
        pairs.completion(".", each)

    assert pairs.size == 100

    pairs.messages(".", [found[0]])
    assert pairs.size == 0


def test_a_stored_completion_keeps_its_id_its_time_and_its_messages(
    server: EvaldServer, tmp_path: Path
) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}
    completion = {
        "object": "chat.completion",
        "id": "chatcmpl-archived",
        "created": 1753000000,
        "model": "gpt-4o-2024-08-06",
        "metadata": {"team": "a"},
        "choices": [choice],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    parts = [{"type": "text", "text": "2 + 2?"}]
    messages = [
        {"id": "chatcmpl-archived-0", "role": "system", "content": "Count.", "name": None},
        {"id": "chatcmpl-archived-1", "role": "user", "content": None, "content_parts": parts},
    ]
    folder = "stored_completions/chatcmpl-archived"
    files = {
        f"{folder}/completion.json": json.dumps(completion, indent=1).encode(),
        f"{folder}/messages.jsonl": lines(messages),
    }

    dry = imported(server.url, as_folder(files, tmp_path), "--dry-run")
    first, second = (imported(server.url, tmp_path) for _ in range(2))

    assert first.returncode == 0, first.stderr
    for each in (dry, first):
        assert counts(each)["stored completions"] == {"imported": 1, "there already": 0}
    assert NOTHING_NEW in second.stdout
    with client_of(server) as client:
        found = client.chat.completions.retrieve("chatcmpl-archived")
    assert (found.created, found.metadata) == (1753000000, {"team": "a"})
    path = "/v1/chat/completions/chatcmpl-archived/messages"
    listed = server.ask("GET", path).json["data"]
    assert [(each["content"], each["content_parts"]) for each in listed] == [
        ("Count.", None),
        (None, parts),
    ]
