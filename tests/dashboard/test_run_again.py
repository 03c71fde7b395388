"""A run repeated with changes, over the same rows wherever they are still to be had."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dashboard.forms import field_value, page_text, send_form
from tests.model_server.client import ModelServer
from tests.runs.making import (
    asked,
    create_eval,
    create_run,
    get_final,
    given,
    path_of,
    rows,
    sampled,
    upload,
)
from tests.server import Answer, EvaldServer

FORM = {"name": "Again", "model": "scripted", "text_0": "{{ item.question }}", "nonce": "n"}


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("again"), upstream=model_process.url) as server:
        yield server


def finished(server: EvaldServer, data_source: Any) -> Any:
    return get_final(server, create_run(server, create_eval(server), data_source))


def again(run: Any) -> str:
    return f"/evaluations/{run['eval_id']}/runs/{run['id']}/again"


def start(server: EvaldServer, run: Any, **changes: str) -> Any:
    """Start a run again and give the new one when it has ended."""
    return ended(server, run, send_form(server, again(run), {**FORM, "action": "start", **changes}))


def ended(server: EvaldServer, run: Any, answer: Answer) -> Any:
    assert answer.status == 303, page_text(answer)
    new_id = answer.headers["location"].rpartition("?run_id=")[2]
    return get_final(server, {"eval_id": run["eval_id"], "id": new_id})


def test_the_form_of_a_run_has_what_the_run_has(server: EvaldServer) -> None:
    params = {"temperature": 0.25, "max_completions_tokens": 30, "seed": 7}
    run = finished(server, sampled(rows(3), sampling_params=params))

    shown = server.ask("GET", again(run))

    assert field_value(shown, "name") == f"{run['name']} (again)"
    assert field_value(shown, "temperature") == "0.25"
    assert field_value(shown, "max_tokens") == "30"
    assert json.loads(field_value(shown, "params")) == {"seed": 7}
    assert "user row 0" in page_text(shown)
    assert "Asks scripted 3 times." in page_text(shown)


def test_a_run_again_has_the_same_rows_and_what_was_changed(server: EvaldServer) -> None:
    run = finished(server, sampled(rows(3), sampling_params={"temperature": 0.25, "seed": 7}))

    new = start(
        server,
        run,
        temperature="1",
        params='{"top_p": 0.5}',
        text_0="{{ item.question }}!",
        role_1="assistant",
        text_1="And?",
    )

    source = new["data_source"]
    assert (new["name"], new["result_counts"]["total"]) == ("Again", 3)
    assert source["source"] == run["data_source"]["source"]
    assert source["sampling_params"] == {"top_p": 0.5, "temperature": 1}
    assert [
        (each["role"], each["content"]["text"]) for each in source["input_messages"]["template"]
    ] == [
        ("user", "{{ item.question }}!"),
        ("assistant", "And?"),
    ]


def test_the_first_rows_alone_are_run_when_so_many_are_asked_for(server: EvaldServer) -> None:
    run = finished(server, sampled(upload(server, rows(5))))

    new = start(server, run, first_rows="2", nonce="first")

    assert new["data_source"]["source"]["content"] == rows(2)


def test_rows_of_a_file_are_read_from_it_and_without_it_from_the_run(server: EvaldServer) -> None:
    file_id = upload(server, rows(4))
    run = finished(server, sampled(file_id))

    with_file = start(server, run, nonce="with")
    asked(server, "DELETE", f"/v1/files/{file_id}")
    without = start(server, run, nonce="without")

    assert with_file["data_source"]["source"] == {"type": "file_id", "id": file_id}
    assert without["data_source"]["source"]["content"] == rows(4)


def test_messages_that_hold_more_than_a_text_stay_as_they_are(server: EvaldServer) -> None:
    image = {"role": "user", "content": [{"type": "input_image", "image_url": "{{ item.answer }}"}]}
    template = [{"role": "system", "content": "Look."}, image]
    run = finished(
        server, sampled(rows(1), input_messages={"type": "template", "template": template})
    )

    new = start(server, run, text_0="", text_1="not this", nonce="image")

    (only,) = new["data_source"]["input_messages"]["template"]
    assert only["content"] == image["content"]


def test_a_form_that_is_sent_twice_repeats_a_run_once(server: EvaldServer) -> None:
    run = finished(server, sampled(rows(1)))

    assert start(server, run)["id"] == start(server, run)["id"]


def test_rows_that_bring_their_samples_are_graded_again(server: EvaldServer) -> None:
    row = {"item": {"answer": "a"}, "sample": {"output_text": "a"}}
    run = finished(server, given([row]))

    shown = server.ask("GET", again(run))
    new = start(server, run, nonce="graded")

    assert "No model is asked" in page_text(shown)
    assert (new["model"], new["result_counts"]["passed"]) == (None, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": ""}, "Model: Name the model that is to answer."),
        ({"temperature": "warm"}, "Temperature: This is no number."),
        ({"params": "[1]"}, "Other sampling params: Write a JSON object"),
        ({"first_rows": "-1"}, "First rows only: Write a whole number from 1 on."),
        ({"text_0": " "}, "Prompt: Write what the model is asked."),
        ({"text_0": "{{ item.lost }}"}, "Row 1 has no item.lost: nothing is put there."),
        ({"params": '{"seed": "x"}', "action": "start"}, "Other sampling params: Expected an"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(
    server: EvaldServer, changes: dict[str, str], words: str
) -> None:
    run = finished(server, sampled(rows(1)))

    assert words in page_text(
        send_form(server, again(run), {**FORM, "action": "preview", **changes})
    )


def test_a_run_over_the_samples_of_another_says_why_it_is_not_repeated(server: EvaldServer) -> None:
    run = finished(server, sampled(rows(1)))
    criteria = asked(server, "GET", f"/v1/evals/{run['eval_id']}")["testing_criteria"]
    regraded = asked(server, "POST", f"{path_of(run)}/regrade", {"testing_criteria": criteria})

    assert "grades the samples of another run" in page_text(server.ask("GET", again(regraded)))


def test_there_is_no_form_for_a_run_that_is_not_there(server: EvaldServer) -> None:
    assert server.ask("GET", "/evaluations/eval_x/runs/evalrun_x/again").status == 404
