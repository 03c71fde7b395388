"""More bytes than are taken: a 413 that the client can read, and nothing of them is kept."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.api.refusals import (
    BOUNDARY,
    EVAL,
    FORM,
    Prepared,
    check_refusal,
    created,
    prepare,
    run_of,
)
from tests.server import Answer, EvaldServer
from tests.waiting import until

MB = 2**20
PART = b'{"item": {"q": "' + b"a" * (MB - 20) + b'"}}\n'
CHUNK = b"x" * MB

HEAD = (
    f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nevals\r\n'
    f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()

MOST_KEPT = 16 * MB
MOST_MEMORY_KB = 512 * 1024


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def large_prepared(temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A server of its own, whose temporary files and memory are looked at."""
    environment = {"TMPDIR": str(temporary)}
    folder = tmp_path_factory.mktemp("evald")
    with EvaldServer(folder, environment=environment) as server:
        yield prepare(server)
        assert "Traceback" not in server.log()


def send(server: EvaldServer, path: str, parts: Iterator[bytes], length: int | None) -> Answer:
    """Send a body part by part, chunked if no length is given, and read the answer."""
    kinds = {"files": FORM["content-type"], "sign-in": "application/x-www-form-urlencoded"}
    kind = kinds.get(path.rpartition("/")[2], "application/json")
    headers: dict[str, str] = {"content-type": kind}
    headers |= (
        {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
    )
    connection = HTTPConnection("127.0.0.1", server.port, timeout=300)
    try:
        connection.request("POST", path, parts, headers, encode_chunked=length is None)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def uploaded(megabytes: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(megabytes):
        yield PART
    yield TAIL


def kept_by(server: EvaldServer) -> int:
    """Give the bytes in the data directory."""
    return sum(file.stat().st_size for file in server.data_dir.iterdir())


def open_temporary_files(server: EvaldServer, temporary: Path) -> list[str]:
    """Give the files below a folder that the server holds open, deleted ones too."""
    folder = Path(f"/proc/{server.process.pid}/fd")
    targets = [os.readlink(each) for each in folder.iterdir() if each.is_symlink()]
    return [target for target in targets if target.startswith(str(temporary))]


def peak_memory_kb(server: EvaldServer) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize("declared", [True, False], ids=["content-length", "chunked"])
def test_an_upload_of_600_mb_is_refused_and_leaves_nothing(
    large_prepared: Prepared, temporary: Path, *, declared: bool
) -> None:
    server = large_prepared.server
    length = len(HEAD) + 600 * len(PART) + len(TAIL) if declared else None
    before = kept_by(server)

    with large_prepared.unchanged():
        answer = send(server, "/v1/files", uploaded(600), length)

    check_refusal(answer, 413, code="request_too_large", says="512 MB")
    assert kept_by(server) < before + MOST_KEPT
    assert list(temporary.iterdir()) == []
    assert open_temporary_files(server, temporary) == []
    assert peak_memory_kb(server) < MOST_MEMORY_KB


@pytest.mark.parametrize("declared", [True, False], ids=["content-length", "chunked"])
@pytest.mark.parametrize(
    ("path", "largest"),
    [
        *(("/v1/evals", 8), ("/evals/{eval_id}", 8), ("/v1/chat/completions/c", 8)),
        *(
            ("/v1/chat/completions", 32),
            ("/responses", 32),
            ("/openai/v1/evals/{eval_id}/runs", 128),
        ),
    ],
)
def test_a_json_body_that_is_too_large_is_refused(
    large_prepared: Prepared, path: str, largest: int, *, declared: bool
) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"name": "'
        for _ in range(largest + 1):
            yield CHUNK
        yield b'"}'

    length = 10 + (largest + 1) * MB + 2 if declared else None

    with large_prepared.unchanged():
        path = path.format(eval_id=large_prepared.eval_id)
        answer = send(large_prepared.server, path, parts(), length)

    check_refusal(answer, 413, code="request_too_large", says=f"{largest} MB")


@pytest.mark.parametrize("declared", [True, False], ids=["content-length", "chunked"])
def test_a_form_with_a_key_that_is_too_large_is_refused(
    large_prepared: Prepared, *, declared: bool
) -> None:
    length = 4 + 7 * MB if declared else None

    answer = send(large_prepared.server, "/sign-in", iter([b"key=", *[CHUNK] * 7]), length)

    check_refusal(answer, 413, code="request_too_large", says="64 KB")


@pytest.mark.parametrize("declared", [True, False], ids=["content-length", "chunked"])
@pytest.mark.parametrize(
    ("path", "status", "megabytes"),
    [("/v1/evals/eval_0/runs", 404, 100), ("/v1/nothing", 404, 7), ("/v1/models", 405, 7)],
)
def test_a_refusal_that_needs_no_body_is_heard_by_a_client_that_sends_one(
    large_prepared: Prepared, path: str, status: int, megabytes: int, *, declared: bool
) -> None:
    length = megabytes * MB if declared else None

    answer = send(large_prepared.server, path, iter([CHUNK] * megabytes), length)

    assert answer.status == status
    assert answer.json["error"]["message"]


def test_a_huge_declared_length_is_refused(large_prepared: Prepared) -> None:
    for length in ("1e9", "9" * 30):
        connection = HTTPConnection("127.0.0.1", large_prepared.server.port, timeout=60)
        connection.putrequest("POST", "/v1/evals")
        connection.putheader("content-length", length)
        connection.endheaders()
        connection.close()

    assert large_prepared.server.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("rows", [10, 1_000, 50_000])
def test_what_is_wrong_in_a_body_is_said_whichever_process_reads_it(
    large_prepared: Prepared, rows: int
) -> None:
    server, path = large_prepared.server, large_prepared.runs
    good = [{"item": {"q": "a" * 100}}] * rows
    ends = json.dumps(run_of(*good))[:-1].encode()

    check_refusal(server.ask("POST", path, ends), code="invalid_json", says="not valid JSON")
    check_refusal(
        server.ask("POST", path, {**run_of(*good), "name": 5}), param="name", code="invalid_type"
    )
    check_refusal(
        server.ask("POST", path, run_of(*good, {"item": {"q": 5}})),
        param="data_source.source",
        code="invalid_row",
        says=f"data_source.source.content[{rows}].item.q does not fit",
    )


def test_a_large_body_is_read_in_another_process(large_prepared: Prepared) -> None:
    process = psutil.Process(large_prepared.server.process.pid)
    rows = [{"item": {"q": "a", "n": number}} for number in range(500_000)]
    body = json.dumps(run_of(*rows, {"item": {}})).encode()
    before = cpu_s(process)

    answer = large_prepared.server.ask("POST", large_prepared.runs, body)

    check_refusal(answer, param="data_source.source", code="invalid_row", says='"q" is a required')
    assert cpu_s(process) - before < max(map(cpu_s, process.children()))


def test_a_request_that_nobody_lives_to_read_is_to_be_sent_as_a_file(
    large_prepared: Prepared,
) -> None:
    server = large_prepared.server
    body = json.dumps(run_of(*[{"item": {"q": "a" * 20}}] * 500_000)).encode()
    path = f"/v1/evals/{large_prepared.eval_id}/runs"
    process = psutil.Process(server.process.pid)

    def is_answered_while_all_are_killed() -> bool:
        for child in process.children():
            with suppress(psutil.NoSuchProcess):
                child.kill()
        return answer.done()

    with large_prepared.unchanged(), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.ask, "POST", path, body)
        until(is_answered_while_all_are_killed)

    check_refusal(
        answer.result(),
        413,
        param="data_source.source",
        code="request_too_large",
        says="Upload them as a file",
    )


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def test_a_row_of_several_megabytes_goes_in_and_comes_back(large_prepared: Prepared) -> None:
    server = large_prepared.server
    config: Any = {"type": "custom", "item_schema": {}}
    path = server.ask("POST", "/v1/evals", {**EVAL, "data_source_config": config}).json["id"]
    item = {"q": "é" * 5_000_000}
    source = {"type": "file_content", "content": [{"item": item}]}
    body = {"data_source": {"type": "jsonl", "source": source}}

    answer = server.ask("POST", f"/v1/evals/{path}/runs", body)

    assert answer.status == 201
    assert answer.json["data_source"]["source"]["content"] == [{"item": item}]
    assert json.loads(server.ask("DELETE", f"/v1/evals/{path}").body)["deleted"]


def test_long_lists_are_never_in_memory_at_once(large_prepared: Prepared) -> None:
    server = large_prepared.server
    config: Any = {"type": "custom", "item_schema": {}}
    path = f"/v1/evals/{created(server, '/v1/evals', {**EVAL, 'data_source_config': config})}"
    row = {"item": {"q": "a" * 25_000_000}}
    made = [created(server, f"{path}/runs", run_of(row)) for _ in range(8)]
    _, _, eval_id = path.rpartition("/")
    for each in made:
        server.ask("POST", f"{path}/runs/{each}/cancel")
    server.restart()  # what the making took is not counted

    page = server.ask("GET", f"{path}/runs?limit=1000").json
    shown = server.ask("GET", f"/evaluations/{eval_id}")

    assert [each["id"] for each in page["data"]] == made[:1]
    assert page["has_more"]
    assert shown.status == 200
    assert all(each.encode() in shown.body for each in made)
    assert peak_memory_kb(server) < MOST_MEMORY_KB
    assert json.loads(server.ask("DELETE", path).body)["deleted"]
