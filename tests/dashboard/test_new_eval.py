"""A new eval from the form: previewed, put right, started once."""

from collections.abc import Iterator
from threading import Thread

import pytest

from tests.dashboard.forms import field_value, page_text, send_form
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.making import asked, get_final, upload
from tests.server import Answer, EvaldServer

NEW = "/dashboard/new"
ROWS = "question,answer\nrow 1,row 1\nrow 2,zebra\n"
HOSTILE = '</textarea><script>alert(1)</script>"\u202e'
FILLED = {
    "name": "Small",
    "model": "scripted",
    "rows_from": "paste",
    "rows": ROWS,
    "system": "Say it again.",
    "user": "{{ item.question }}",
    "temperature": "0.5",
    "max_tokens": "20",
    "grader": "string_check",
    "check_operation": "eq",
    "check_reference": "{{ item.answer }}",
}


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("forms"), upstream=model_process.url) as server:
        yield server


def preview(server: EvaldServer, **changes: str) -> Answer:
    return send_form(server, NEW, {**FILLED, "action": "preview", **changes})


def start(server: EvaldServer, nonce: str, **changes: str) -> Answer:
    return send_form(server, NEW, {**FILLED, "action": "start", "nonce": nonce, **changes})


def started(server: EvaldServer, answer: Answer) -> tuple[str, str]:
    """Give the ids of the eval and the run that a form was answered with."""
    assert answer.status == 303, page_text(answer)
    eval_id, _, run_id = answer.headers["location"].rpartition("/")[2].partition("?run_id=")
    return eval_id, run_id


def test_a_preview_shows_row_1_and_keeps_what_was_typed(server: EvaldServer) -> None:
    shown = preview(server)

    assert "Preview CSV, 2 rows" in page_text(shown)
    assert "system Say it again. user row 1" in page_text(shown)
    assert "Asks scripted 2 times." in page_text(shown)
    assert field_value(shown, "rows") == ROWS
    assert asked(server, "GET", "/v1/evals")["data"] == []


def test_a_form_that_is_started_makes_an_eval_and_a_run_that_completes(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id, run_id = started(server, start(server, field_value(preview(server), "nonce")))

    made = asked(server, "GET", f"/v1/evals/{eval_id}")
    run = get_final(server, {"eval_id": eval_id, "id": run_id})
    assert made["data_source_config"]["schema"]["properties"]["item"]["required"] == [
        "question",
        "answer",
    ]
    assert (run["status"], run["result_counts"]["passed"], run["result_counts"]["failed"]) == (
        "completed",
        1,
        1,
    )
    assert models.requests()[0].body["temperature"] == 0.5


def test_a_form_that_is_sent_twice_starts_one_run(server: EvaldServer) -> None:
    answers: list[Answer] = []
    twice = [Thread(target=lambda: answers.append(start(server, "twice"))) for _ in range(3)]
    for each in twice:
        each.start()
    for each in twice:
        each.join()

    assert len({started(server, answer) for answer in answers}) == 1


def test_a_form_that_was_changed_starts_a_run_of_its_own(server: EvaldServer) -> None:
    first = started(server, start(server, "changed"))
    second = started(server, start(server, "changed", temperature="0.1"))

    assert first != second


def test_bad_rows_are_told_with_their_lines_and_nothing_is_started(server: EvaldServer) -> None:
    number = len(asked(server, "GET", "/v1/evals?limit=100")["data"])

    shown = start(server, "bad", rows="question,answer\na,b\nc\n")

    assert "Line 3: this row has 1 cell, and the heading names 2." in page_text(shown)
    assert field_value(shown, "rows") == "question,answer\na,b\nc\n"
    assert len(asked(server, "GET", "/v1/evals?limit=100")["data"]) == number


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "Name: Give the eval a name."),
        ({"user": "{{ item.qestion }}"}, "User message: No row has item.qestion. The fields are"),
        ({"temperature": "warm"}, "Temperature: This is no number."),
        ({"temperature": "1e999"}, "Temperature: This is no number."),
        ({"max_tokens": "0"}, "Max tokens: Write a whole number from 1 on."),
        ({"rows_from": "file", "file_id": "file-gone"}, "Id of the file: No file found with id"),
        ({"rows_from": "upload"}, "File: Choose a file."),
        (
            {
                "grader": "label_model",
                "label_judge": "scripted",
                "label_prompt": "?",
                "passing_labels": "fine",
            },
            "Passing labels: 'fine' is none of the labels.",
        ),
        (
            {
                "grader": "text_similarity",
                "alike_reference": "x",
                "alike_metric": "fuzzy_match",
                "alike_threshold": "80",
            },
            "Passes from: 80 is outside the range from 0 to 1",
        ),
        ({"grader": "python", "python_source": "def grade(:"}, "Program:"),
        ({"grader": "no such"}, "Preview CSV, 2 rows"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(
    server: EvaldServer, changes: dict[str, str], words: str
) -> None:
    assert words in page_text(preview(server, **changes))


def test_an_uploaded_table_becomes_a_file_that_the_form_names(
    server: EvaldServer, models: ModelServer
) -> None:
    form = {**FILLED, "rows_from": "upload", "action": "start"}

    shown = send_form(server, NEW, form, ("words.csv", ROWS.encode()))
    file_id = field_value(shown, "file_id")
    eval_id, run_id = started(server, start(server, "file", rows_from="file", file_id=file_id))

    assert "words.jsonl was uploaded" in page_text(shown)
    assert get_final(server, {"eval_id": eval_id, "id": run_id})["result_counts"]["total"] == 2
    assert server.ask("GET", f"/v1/files/{file_id}/content").body.startswith(b'{"item":{"question"')


def test_an_upload_that_cannot_be_read_is_not_kept(server: EvaldServer) -> None:
    form = {**FILLED, "rows_from": "upload", "action": "preview"}
    number = len(asked(server, "GET", "/v1/files")["data"])

    shown = send_form(server, NEW, form, ("words.csv", b"a,b\n1\n"))
    no_text = send_form(server, NEW, form, ("words.csv", b"a,b\n\xff\xfe,1\n"))

    assert "Line 2: this row has 1 cell" in page_text(shown)
    assert "is no text in UTF-8" in page_text(no_text)
    assert len(asked(server, "GET", "/v1/files")["data"]) == number


def test_rows_of_a_file_are_shown_as_a_run_would_read_them(server: EvaldServer) -> None:
    good = upload(server, [{"item": {"question": "a", "answer": "b"}, "more": 1}])
    bare = upload(server, [{"question": "a", "answer": "b"}])

    assert "rows.jsonl, 1 row" in page_text(preview(server, rows_from="file", file_id=good))
    assert 'has no "item"' in page_text(preview(server, rows_from="file", file_id=bare))


def test_hostile_texts_come_back_as_they_were_and_stay_texts(server: EvaldServer) -> None:
    row = '{"question": "<script>alert(2)</script>\\u202e"}'

    shown = preview(server, name=HOSTILE, rows=row, user="{{ item.question }}", check_reference="x")

    assert field_value(shown, "name") == HOSTILE
    assert field_value(shown, "rows") == row
    assert b"<script>alert" not in shown.body
    assert "⟨U+202E⟩" in page_text(shown)


def test_what_is_too_large_to_be_pasted_is_to_be_uploaded(server: EvaldServer) -> None:
    shown = preview(server, rows="x" * (2 * 2**20 + 1))

    assert "may have 2 MB. Upload more than that as a file." in page_text(shown)


def test_a_judge_is_shown_what_it_will_be_asked(server: EvaldServer, models: ModelServer) -> None:
    judge = {
        "grader": "score_model",
        "score_judge": "judge",
        "score_prompt": "Rate {{ sample.output_text }} for {{ item.question }}",
        "score_threshold": "",
    }
    models.script(Step(text='{"steps": [], "result": 0.9}'))

    shown = preview(server, **judge)
    eval_id, run_id = started(server, start(server, "judge", **judge))

    assert "Rate ⟨the model’s answer⟩ for row 1" in page_text(shown)
    assert get_final(server, {"eval_id": eval_id, "id": run_id})["result_counts"]["passed"] == 2
