"""Texts and numbers that storage or JSON are apt to change: kept exactly, or refused clearly."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.refusals import (
    CRITERION,
    EVAL,
    FORM,
    ROW,
    Prepared,
    check_refusal,
    created,
    form,
    run_of,
    sampled_run_of,
    status_of,
    upload,
)
from tests.waiting import until

TEXTS = {
    "NUL": "a\x00b",
    "only NUL": "\x00",
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f",
    "emoji": "\U0001f600\U0001f468‍\U0001f469‍\U0001f467",
    "beyond the first plane": "\U0001d11e\U000e0001\U0010ffff",
    "line separators": "a\u2028b\u2029c\r\nd\re",
    "right to left": "\u202eabc\u202c שלום",
    "not characters": "\ufffe\uffff\ufdd0",
    "a byte order mark": "\ufeffa",
    "combining": "é\u0301 é e\u0301",
    "quotes": "'\"`\\'); DROP TABLE evals;--",
    "markup": "<script>alert(1)</script>&amp;",
    "percent": "%s %00 {0} ${x} {{ item.q }}",
    "blanks": "  a\t ",
    "empty": "",
}


@pytest.fixture
def eval_path(prepared: Prepared) -> Any:
    """An open eval for the test, gone after it."""
    config = {"type": "custom", "item_schema": {}}
    body = {**EVAL, "data_source_config": config}
    path = f"/v1/evals/{created(prepared.server, '/v1/evals', body)}"
    yield path
    prepared.server.ask("DELETE", path)


def final_item(prepared: Prepared, eval_path: str, body: Any) -> Any:
    """Carry a run over one row out and give its output item."""
    run_id = created(prepared.server, f"{eval_path}/runs", body)
    _, _, eval_id = eval_path.rpartition("/")
    until(lambda: status_of(prepared.server, eval_id, run_id) == "completed")
    items = prepared.server.ask("GET", f"{eval_path}/runs/{run_id}/output_items").json["data"]
    (item,) = items
    return item


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_in_a_row_comes_back_exactly(prepared: Prepared, eval_path: str, text: str) -> None:
    row = {"item": {"q": text, text: [text, {text: text}]}}

    item = final_item(prepared, eval_path, run_of(row))

    assert item["datasource_item"] == row["item"]
    runs = prepared.server.ask("GET", f"{eval_path}/runs").json["data"]
    assert runs[0]["data_source"]["source"]["content"] == [row]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_goes_to_the_model_and_back_exactly(
    prepared: Prepared, eval_path: str, text: str
) -> None:
    item = final_item(prepared, eval_path, sampled_run_of({"item": {"q": text}}))

    assert item["sample"]["input"] == [{"role": "user", "content": text}]
    assert item["sample"]["output"] == [{"role": "assistant", "content": text}]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_in_metadata_comes_back_exactly(
    prepared: Prepared, eval_path: str, text: str
) -> None:
    metadata = {text[:60]: text, "k": text}

    answer = prepared.server.ask("POST", eval_path, {"metadata": metadata})
    run = prepared.server.ask("POST", f"{eval_path}/runs", {**run_of(ROW), "metadata": metadata})

    assert answer.json["metadata"] == metadata
    assert prepared.server.ask("GET", eval_path).json["metadata"] == metadata
    assert run.json["metadata"] == metadata


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_name_comes_back_exactly_or_is_refused(
    prepared: Prepared, eval_path: str, text: str
) -> None:
    answer = prepared.server.ask("POST", eval_path, {"name": text})
    run = prepared.server.ask("POST", f"{eval_path}/runs", {**run_of(ROW), "name": text})

    if "\x00" in text:
        check_refusal(answer, param="name", code="invalid_value", says="NUL")
        check_refusal(run, param="name", code="invalid_value", says="NUL")
    else:
        assert prepared.server.ask("GET", eval_path).json["name"] == text
        assert run.json["name"] == text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_criterion_comes_back_exactly_or_is_refused(prepared: Prepared, text: str) -> None:
    criterion = {**CRITERION, "input": text, "reference": text}
    name = text.replace("\x00", "")

    body = {**EVAL, "testing_criteria": [{**criterion, "name": name}]}
    answer = prepared.server.ask("POST", "/v1/evals", body)
    prepared.server.ask("DELETE", f"/v1/evals/{answer.json['id']}")

    (kept,) = answer.json["testing_criteria"]
    assert (kept["input"], kept["reference"], kept["name"]) == (text, text, name)
    assert kept["id"].startswith(f"{name}-")


NAMES = {key: text for key, text in TEXTS.items() if not set(text) & set('"\\\r\n')}


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_a_file_name_comes_back_exactly_or_is_refused(prepared: Prepared, text: str) -> None:
    part = ("file", f'; filename="{text}"', b'{"item": {}}')
    answer = prepared.server.ask("POST", "/v1/files", form(("purpose", "", b"evals"), part), FORM)

    if answer.status == 200:
        found = prepared.server.ask("GET", f"/v1/files/{answer.json['id']}").json
        prepared.server.ask("DELETE", f"/v1/files/{answer.json['id']}")
        assert found["filename"] == (text or found["filename"])
    else:
        assert answer.status == 400


@pytest.mark.parametrize(
    "name", ["a\x00b", "small-\x00", "scripted\x00"], ids=["inside", "in a pattern", "at the end"]
)
def test_a_model_with_a_nul_in_its_name_is_refused(prepared: Prepared, name: str) -> None:
    answer = prepared.server.ask("POST", prepared.runs, sampled_run_of(ROW, model=name))

    check_refusal(answer, param="data_source.model", code="invalid_value", says="NUL")


NUMBERS = [
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "0.1",
    "-0.5",
    "1.7976931348623157e308",
    "5e-324",
    "123456789.123456789",
    "1.0",
    "1e16",
]


def test_numbers_come_back_as_the_same_numbers(prepared: Prepared, eval_path: str) -> None:
    text = json.dumps(run_of({"item": {"numbers": "here"}})).replace(
        '"here"', f"[{','.join(NUMBERS)}]"
    )

    item = final_item(prepared, eval_path, text.encode())

    found = item["datasource_item"]["numbers"]
    assert found == [json.loads(number) for number in NUMBERS]
    assert [type(each) for each in found] == [type(json.loads(number)) for number in NUMBERS]


def test_of_a_key_given_twice_the_last_counts(prepared: Prepared, eval_path: str) -> None:
    answer = prepared.server.ask("POST", eval_path, b'{"name": "first", "name": "second"}')

    assert answer.json["name"] == "second"


def test_50_creates_at_once_get_50_ids(prepared: Prepared, eval_path: str) -> None:
    line = b'{"item": {"q": "a"}}'

    with ThreadPoolExecutor(50) as pool:
        evals = list(pool.map(lambda _: created(prepared.server, "/v1/evals", EVAL), range(50)))
        runs = list(
            pool.map(
                lambda _: created(prepared.server, f"{eval_path}/runs", run_of(ROW)), range(50)
            )
        )
        files = list(pool.map(lambda _: upload(prepared.server, line).json["id"], range(50)))
        listed = prepared.server.ask("GET", f"{eval_path}/runs?limit=100").json["data"]
        list(pool.map(lambda each: prepared.server.ask("DELETE", f"/v1/evals/{each}"), evals))
        list(pool.map(lambda each: prepared.server.ask("DELETE", f"/v1/files/{each}"), files))

    assert [len(set(each)) for each in (evals, runs, files)] == [50, 50, 50]
    assert {each["id"] for each in listed} == set(runs)
