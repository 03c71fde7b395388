"""Clients that validate what they read, with the strict form and without it (contract 3.6)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from tests.contract.making import (
    EXACT,
    MODEL,
    SIMILAR,
    completed,
    completions,
    finished,
    jsonl,
    new_eval,
    new_run,
    row,
)
from tests.contract.schema import strict_schema
from tests.contract.watching import API_KEY, Watch
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.server import EvaldServer

HEADER = "evald-schema-strict"
JUDGE: Any = {
    "type": "score_model",
    "name": "echo",
    "model": MODEL,
    "input": [{"role": "user", "content": "{{ sample.output_text }}"}],
}
MULTI_OF_ONE: Any = {
    "type": "multi",
    "name": "all",
    "graders": {"exact": EXACT},
    "calculate_output": "exact",
}
FILE = ("rows.jsonl", b'{"item": {"question": "a", "answer": "a"}}\n')


def validating(client: openai.OpenAI, **headers: str) -> openai.OpenAI:
    """Give a client that raises when an answer does not fit its type."""
    return openai.OpenAI(
        base_url=client.base_url,
        api_key=API_KEY,
        max_retries=0,
        http_client=client._client,
        default_headers=headers,
        _strict_response_validation=True,
    )


@pytest.fixture
def strict(server: EvaldServer) -> Iterator[openai.OpenAI]:
    """A validating client that asks for the strict form; each answer is held against the schema."""
    watch = Watch(strict_schema)
    with watch.client(server.base_url) as client:
        yield validating(client, **{HEADER: "true"})
    assert watch.complaints == []


@dataclass(frozen=True)
class Made:
    """What the tests read: an eval, a completed run of it with one item, a file."""

    eval_id: str
    run_id: str
    item_id: str
    file_id: str


@pytest.fixture
def made(client: openai.OpenAI) -> Made:
    eval_id = new_eval(client).id
    run = completed(client, eval_id, jsonl(row("a")))
    items = client.evals.runs.output_items.list(run.id, eval_id=eval_id)
    file = client.files.create(file=FILE, purpose="evals")
    return Made(eval_id, run.id, items.data[0].id, file.id)


def item(client: openai.OpenAI, made: Made) -> Any:
    return client.evals.runs.output_items.retrieve(
        made.item_id, eval_id=made.eval_id, run_id=made.run_id
    )


ANSWERS: dict[str, Callable[[openai.OpenAI, Made], Any]] = {
    "evals.create": lambda client, _: new_eval(client, SIMILAR, EXACT),
    "evals.retrieve": lambda client, made: client.evals.retrieve(made.eval_id),
    "evals.update": lambda client, made: client.evals.update(made.eval_id, name="n", metadata=None),
    # Its own alone: the SDKs have no type for what other tests put into an eval, such as `multi`.
    "evals.list": lambda client, _: client.evals.list(order="desc", limit=1),
    "evals.delete": lambda client, made: client.evals.delete(made.eval_id),
    "runs.create": lambda client, made: new_run(client, made.eval_id, completions(row("a"))),
    "runs.retrieve": lambda client, made: client.evals.runs.retrieve(
        made.run_id, eval_id=made.eval_id
    ),
    "runs.list": lambda client, made: client.evals.runs.list(made.eval_id),
    "runs.cancel": lambda client, made: client.evals.runs.cancel(made.run_id, eval_id=made.eval_id),
    "runs.delete": lambda client, made: client.evals.runs.delete(made.run_id, eval_id=made.eval_id),
    "output_items.retrieve": item,
    "output_items.list": lambda client, made: client.evals.runs.output_items.list(
        made.run_id, eval_id=made.eval_id
    ),
    "an empty page": lambda client, made: client.evals.runs.output_items.list(
        made.run_id, eval_id=made.eval_id, status="fail"
    ),
    "files.create": lambda client, _: client.files.create(file=FILE, purpose="evals"),
    "files.retrieve": lambda client, made: client.files.retrieve(made.file_id),
    "files.list": lambda client, _: client.files.list(purpose="evals", limit=5),
    "files.delete": lambda client, made: client.files.delete(made.file_id),
    "graders.run": lambda client, _: client.fine_tuning.alpha.graders.run(
        grader=JUDGE, model_sample='{"steps": [], "result": 1}'
    ),
    "graders.validate": lambda client, _: client.fine_tuning.alpha.graders.validate(grader=JUDGE),
    "graders.validate of a multi": lambda client, _: client.fine_tuning.alpha.graders.validate(
        grader=MULTI_OF_ONE
    ),
}
REFUSED_AS_LIVE = [
    *("runs.create", "runs.retrieve", "runs.list", "runs.cancel"),
    *("output_items.retrieve", "output_items.list"),
    *("files.create", "files.retrieve", "files.list"),
    "graders.run",
    "graders.validate of a multi",
]


@pytest.mark.parametrize("ask", ANSWERS.values(), ids=ANSWERS)
def test_every_strict_answer_passes_a_client_that_validates(
    strict: openai.OpenAI, made: Made, ask: Callable[[openai.OpenAI, Made], Any]
) -> None:
    assert ask(strict, made)


@pytest.mark.parametrize("answer", REFUSED_AS_LIVE)
def test_the_live_form_is_refused_by_a_client_that_validates(
    client: openai.OpenAI, made: Made, answer: str
) -> None:
    with pytest.raises(openai.APIResponseValidationError):
        ANSWERS[answer](validating(client), made)


ROLES = [{"role": role, "content": "{{ item.question }}"} for role in ("tool", "critic", "user")]
PARTS = [
    {"type": "input_text", "text": "What is this?"},
    {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
]
DATA_SOURCES: dict[str, Any] = {
    "rows with samples": jsonl({**row("a"), "sample": {"output_text": "a"}}),
    "unknown roles": {"input_messages": {"type": "template", "template": ROLES}},
    "parts": {
        "input_messages": {"type": "template", "template": [{"role": "user", "content": PARTS}]}
    },
    "a reference": {
        "input_messages": {"type": "item_reference", "item_reference": "item.question"}
    },
    "params": {
        "sampling_params": {
            "temperature": None,
            "max_completions_tokens": 5,
            "seed": 1,
            "user": "u",
        }
    },
    "samples of its own": {"model": None, "input_messages": None},
}


@pytest.mark.parametrize("changes", DATA_SOURCES.values(), ids=DATA_SOURCES)
def test_a_run_passes_with_each_kind_of_data_source(strict: openai.OpenAI, changes: Any) -> None:
    source = changes if "source" in changes else completions(row("a"), **changes)

    run = completed(strict, new_eval(strict).id, source)

    listed = strict.evals.runs.output_items.list(run.id, eval_id=run.eval_id)
    assert [item.datasource_item_id for item in listed] == [0]


def test_a_run_that_failed_and_rows_that_errored_pass(
    strict: openai.OpenAI, models: ModelServer
) -> None:
    models.script_rules(Rule([Step(status=400)], contains="broken"))
    run = completed(strict, new_eval(strict).id, completions(row("broken"), row("a")))

    broken, right = sorted(
        strict.evals.runs.output_items.list(run.id, eval_id=run.eval_id),
        key=lambda item: item.datasource_item_id,
    )
    assert (broken.status, right.status) == ("error", "pass")
    assert broken.sample.error.message
    assert (right.sample.error.code, right.sample.error.message) == ("", "")


def test_an_eval_with_judges_and_their_verdicts_pass(
    strict: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text='{"steps": [], "result": 5}'))
    judge = {
        "type": "score_model",
        "name": "quality",
        "model": "judge",
        "input": [{"role": "critic", "content": "Score 1 to 7: {{ item.question }}"}],
        "range": [1, 7],
        "sampling_params": {"temperature": 0, "seed": None},
    }

    created = new_eval(strict, judge)
    run = completed(strict, created.id, jsonl(row("a")))

    (item,) = strict.evals.runs.output_items.list(run.id, eval_id=run.eval_id)
    assert (item.status, item.results[0].score) == ("pass", 5)
    criterion: Any = created.testing_criteria[0].to_dict()
    assert (criterion["input"][0]["role"], criterion["sampling_params"]) == (
        "user",
        {"temperature": 0},
    )


@pytest.mark.parametrize("kind", ["logs", "stored_completions"])
def test_an_eval_over_logs_passes_with_metadata_of_any_type(
    strict: openai.OpenAI, kind: Any
) -> None:
    config: Any = {"type": kind, "metadata": {"team": "a", "n": 1, "deep": {"x": [None]}}}

    created: Any = strict.evals.create(data_source_config=config, testing_criteria=[])

    assert created.data_source_config.metadata == {"team": "a", "n": "1", "deep": '{"x":[null]}'}
    config["metadata"] = None
    strict.evals.create(data_source_config=config, testing_criteria=[])


def test_a_run_is_kept_in_its_live_form_and_shown_in_either(
    server: EvaldServer, strict: openai.OpenAI
) -> None:
    template = {"type": "template", "template": ROLES}
    source = completions(row("a"), input_messages=template)
    run = completed(strict, new_eval(strict).id, source)
    path = f"/v1/evals/{run.eval_id}/runs/{run.id}"

    live, shown = (
        server.ask("GET", path, headers={HEADER: word}).json for word in ("false", "true")
    )

    assert (live["error"], shown["error"]) == (None, {"code": "", "message": ""})
    assert live["data_source"]["sampling_params"] is None
    assert "sampling_params" not in shown["data_source"]
    assert roles_of(live) == ["tool", "critic", "user"]
    assert roles_of(shown) == ["user", "user", "user"]


def roles_of(run: Any) -> list[str]:
    return [message["role"] for message in run["data_source"]["input_messages"]["template"]]


def test_rows_and_schemas_are_shown_as_they_were_given(strict: openai.OpenAI) -> None:
    odd: Any = {
        "question": "a",
        "answer": "a",
        "error": None,
        "object": "eval.run",
        "input": [{"role": "tool", "content": None}],
        "deep": {"object": "file", "purpose": "evals", "seed": None},
    }
    schema: Any = {"type": "object", "default": None, "title": "evals"}
    created = new_eval(strict, item_schema=schema)
    run = completed(strict, created.id, jsonl({"item": odd, "note": None}))

    (item,) = strict.evals.runs.output_items.list(run.id, eval_id=run.eval_id)

    kept: Any = run.to_dict()
    assert item.datasource_item == odd
    assert kept["data_source"]["source"]["content"] == [{"item": odd, "note": None}]
    config: Any = created.to_dict()["data_source_config"]
    assert config["schema"]["properties"]["item"] == schema


def test_a_row_that_is_nested_to_the_limit_has_a_strict_form(
    client: openai.OpenAI, server: EvaldServer
) -> None:
    deep: Any = "bottom"
    for _ in range(248):
        deep = [deep]
    content: Any = {"item": {"question": "a", "answer": "a", "deep": deep}}
    run = completed(client, new_eval(client).id, jsonl(content))
    path = f"/v1/evals/{run.eval_id}/runs?limit=1"

    live, strict = (server.ask("GET", path, headers={HEADER: word}) for word in ("false", "true"))

    assert (live.status, strict.status) == (200, 200)
    sources = [answer.json["data"][0]["data_source"] for answer in (live, strict)]
    assert sources[0] == sources[1]
    assert sources[0]["source"]["content"] == [content]


@pytest.mark.parametrize("word", ["", "1", "yes", "true,false", "nul"])
def test_a_word_that_is_neither_true_nor_false_is_refused_before_anything_is_done(
    server: EvaldServer, word: str
) -> None:
    headers = {HEADER: word}
    before = server.ask("GET", "/v1/evals?order=desc&limit=1").json

    answer = server.ask("POST", "/v1/evals", {}, headers)

    assert (answer.status, answer.json["error"]["param"]) == (400, HEADER)
    assert server.ask("GET", "/v1/evals?order=desc&limit=1").json == before
    assert server.ask("GET", "/healthz", headers=headers).status == 200


def test_errors_and_contents_are_the_same_in_both_forms(strict: openai.OpenAI, made: Made) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        strict.evals.retrieve("eval_0")

    assert missing.value.code is None
    assert strict.files.content(made.file_id).read() == FILE[1]


@pytest.fixture(scope="module")
def strict_server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    folder = tmp_path_factory.mktemp("strict")
    setting = {"EVALD_SCHEMA_STRICT": "true"}
    with EvaldServer(folder, upstream=model_process.url, environment=setting) as server:
        yield server
        assert "Traceback" not in server.log()


def test_a_server_can_answer_everyone_in_the_strict_form(strict_server: EvaldServer) -> None:
    watch = Watch(strict_schema)
    with watch.client(strict_server.base_url) as client:
        checking = validating(client)
        run = completed(checking, new_eval(checking).id, completions(row("a")))
        list(checking.evals.runs.output_items.list(run.id, eval_id=run.eval_id))
        assert checking.files.create(file=FILE, purpose="evals").purpose == "user_data"
    assert watch.complaints == []


def test_a_request_can_have_the_live_form_from_a_strict_server(strict_server: EvaldServer) -> None:
    watch = Watch()
    with watch.client(strict_server.base_url) as client:
        live = validating(client, **{HEADER: "False"})
        with pytest.raises(openai.APIResponseValidationError):
            live.files.create(file=FILE, purpose="evals")
        loose = client.with_options(default_headers={HEADER: "false"})
        run = finished(loose, new_run(loose, new_eval(loose).id, jsonl(row("a"))))
        assert (run.error, run.model) == (None, None)
    assert watch.complaints == []
