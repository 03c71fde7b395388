"""Files: upload, list, content, delete, expiry (contract 2.5)."""

import io
import re
import time
from typing import Any

import openai
import pytest

from tests.contract.making import completed, jsonl, new_eval, raw

ROW = b'{"item": {"question": "a", "answer": "a"}}\n'


def test_an_upload_is_answered_with_every_field(client: openai.OpenAI) -> None:
    before = int(time.time())

    answer = client.files.with_raw_response.create(file=("rows.jsonl", ROW), purpose="evals")
    found = raw(answer)

    assert answer.status_code == 200
    assert re.fullmatch("file-[0-9a-f]{32}", found["id"])
    assert before <= found.pop("created_at") <= int(time.time())
    assert found == {
        "object": "file",
        "id": found["id"],
        "bytes": len(ROW),
        "filename": "rows.jsonl",
        "purpose": "evals",
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }


def test_a_file_is_retrieved_as_it_was_uploaded(client: openai.OpenAI) -> None:
    created = client.files.create(file=("rows.jsonl", ROW), purpose="evals")

    assert client.files.retrieve(created.id).to_dict() == created.to_dict()
    assert client.files.wait_for_processing(created.id).status == "processed"


CONTENTS = {
    "one row": ROW,
    "no newline at the end": ROW.strip(),
    "blank lines": b"\n" + ROW + b"\r\n\n" + ROW,
    "windows lines": ROW.replace(b"\n", b"\r\n") * 2,
    "byte order mark": b"\xef\xbb\xbf" + ROW,
    "three megabytes": ROW * (3 * 2**20 // len(ROW)),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_the_content_comes_back_byte_for_byte(client: openai.OpenAI, content: bytes) -> None:
    created = client.files.create(file=("rows.jsonl", content), purpose="evals")

    assert created.bytes == len(content)
    assert client.files.content(created.id).read() == content


def test_every_such_file_can_be_run(client: openai.OpenAI) -> None:
    for content in list(CONTENTS.values())[:-1]:
        created = client.files.create(file=("rows.jsonl", content), purpose="evals")
        source = {"type": "file_id", "id": created.id}

        run = completed(client, new_eval(client).id, {"type": "jsonl", "source": source})

        assert run.result_counts.total == content.count(b'"item"')


@pytest.mark.parametrize("purpose", ["assistants", "batch", "fine-tune", "vision", "user_data"])
def test_a_file_for_another_purpose_may_hold_anything(client: openai.OpenAI, purpose: Any) -> None:
    content = bytes(range(256))

    created = client.files.create(file=("anything.bin", content), purpose=purpose)

    assert created.purpose == purpose
    assert client.files.content(created.id).read() == content


def test_a_file_may_be_given_as_a_stream_and_have_any_name(client: openai.OpenAI) -> None:
    stream = io.BytesIO(ROW)
    stream.name = "Zeilen für den Test é 行.json"

    created = client.files.create(file=stream, purpose="evals")

    assert created.filename == "Zeilen für den Test é 行.json"
    assert client.files.retrieve(created.id).filename == created.filename


@pytest.mark.parametrize("seconds", [3600, 2592000])
def test_a_file_expires_after_the_seconds_asked_for(client: openai.OpenAI, seconds: int) -> None:
    created = client.files.create(
        file=("rows.jsonl", ROW),
        purpose="evals",
        expires_after={"anchor": "created_at", "seconds": seconds},
    )

    assert created.expires_at == created.created_at + seconds
    assert client.files.retrieve(created.id).expires_at == created.expires_at


@pytest.mark.parametrize("seconds", [3599, 2592001, 0, -1])
def test_an_expiry_out_of_range_is_refused(client: openai.OpenAI, seconds: int) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.files.create(
            file=("rows.jsonl", ROW),
            purpose="evals",
            expires_after={"anchor": "created_at", "seconds": seconds},
        )

    assert refused.value.param == "expires_after[seconds]"


def test_a_deleted_file_is_gone(client: openai.OpenAI) -> None:
    created = client.files.create(file=("rows.jsonl", ROW), purpose="evals")

    answer = client.files.with_raw_response.delete(created.id)

    assert raw(answer) == {"id": created.id, "object": "file", "deleted": True}
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(created.id)
    with pytest.raises(openai.NotFoundError):
        client.files.content(created.id)
    with pytest.raises(openai.NotFoundError):
        client.files.delete(created.id)
    assert created.id not in [file.id for file in client.files.list(limit=100).data]


def test_a_run_over_an_unknown_file_is_refused(client: openai.OpenAI) -> None:
    source: Any = {"type": "jsonl", "source": {"type": "file_id", "id": "file-0"}}

    with pytest.raises(openai.BadRequestError) as refused:
        client.evals.runs.create(new_eval(client).id, data_source=source)

    assert refused.value.param == "data_source.source.id"
    assert "file-0" in refused.value.message


def test_rows_of_a_file_may_bring_samples(client: openai.OpenAI) -> None:
    line = b'{"item": {"question": "q", "answer": "x"}, "sample": {"output_text": "x"}}'
    created = client.files.create(file=("rows.jsonl", line), purpose="evals")
    data_source = {**jsonl(), "source": {"type": "file_id", "id": created.id}}

    run = completed(client, new_eval(client).id, data_source)

    assert run.result_counts.passed == 1
