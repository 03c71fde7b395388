"""A run over the samples of another one: by other criteria, and without a call of the sampled model."""

from typing import Any

from tests.contract.schema import own_schema, strict_schema
from tests.importing.making import imported, new_archive
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step, ToolCall
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.making import (
    EXACT,
    MODEL,
    accepted,
    asked,
    create_eval,
    create_run,
    get_final,
    get_run,
    given,
    items_of,
    path_of,
    rows,
    sampled,
)
from tests.runs.resuming import canceled_run, check_refused, resumed
from tests.server import Answer, EvaldServer

ROW = {
    "type": "string_check",
    "name": "row",
    "input": "{{ sample.output_text }}",
    "reference": "row",
    "operation": "like",
}
JUDGE = {
    "type": "label_model",
    "name": "judge",
    "model": "judge",
    "input": [{"role": "user", "content": "Judge {{ sample.output_text }}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}


def regrade(server: EvaldServer, run: Any, body: Any) -> Answer:
    """Ask for a run over the samples of this one."""
    return server.ask("POST", f"{path_of(run)}/regrade", body)


def regraded(server: EvaldServer, run: Any, *criteria: Any, **also: Any) -> Any:
    """Give such a run when it has ended; by these criteria, or in the eval that is named."""
    body = {"testing_criteria": list(criteria), **also} if criteria else also
    return get_final(server, accepted(regrade(server, run, body)))


def test_a_run_is_graded_by_other_criteria_without_asking_its_model(
    server: EvaldServer, models: ModelServer
) -> None:
    run = create_run(server, create_eval(server), sampled(rows(300), sampling_params={"seed": 7}))
    get_final(server, run)
    asked_before = models.stats().started
    models.script_rules(
        Rule([Step(text='{"steps": [], "result": "good"}')], model="judge"),
        Rule([Step(status=500)], model=MODEL),
    )

    again = regraded(server, run, ROW, JUDGE)

    run_, items = check(server, again["eval_id"], again["id"])
    assert run_["result_counts"] == {"total": 300, "passed": 300, "failed": 0, "errored": 0}
    assert models.stats().started == asked_before + 300
    assert run_["evald"]["regrade_of"] == {"eval_id": run["eval_id"], "run_id": run["id"]}
    assert (run_["model"], run_["name"]) == (MODEL, "Untitled run (regraded)")
    before = {item["datasource_item_id"]: item for item in items_of(server, run)}
    for item in items:
        was = before[item["datasource_item_id"]]
        for key in ("datasource_item", "sample", "_datasource_item_content_hash"):
            assert item[key] == was[key]
        assert (item["evald"]["attempts"], item["evald"]["regrade_of"]) == (0, was["id"])


def test_the_new_eval_is_like_the_old_one_but_for_its_criteria(
    server: EvaldServer, models: ModelServer
) -> None:
    run = create_run(server, create_eval(server), sampled(rows(2)))
    get_final(server, run)

    again = regraded(server, run, ROW, name="mine", metadata={"a": "b"})

    old = asked(server, "GET", f"/v1/evals/{run['eval_id']}")
    new = asked(server, "GET", f"/v1/evals/{again['eval_id']}")
    assert new["data_source_config"] == old["data_source_config"]
    assert [each["name"] for each in new["testing_criteria"]] == ["row"]
    assert (new["name"], new["metadata"]) == (f"{old['name']} (regraded)", old["metadata"])
    assert (again["name"], again["metadata"]) == ("mine", {"a": "b"})


def test_a_row_without_a_sample_stays_an_error_and_one_without_an_item_is_left_out(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(server)
    canceled = canceled_run(server, models, eval_id, kept=4, number=6)
    models.script(Step(status=400, message="no sample for you"))
    resumed(server, canceled)
    mixed = get_final(server, canceled)
    assert mixed["result_counts"]["errored"] == 2
    partly = canceled_run(server, models, eval_id, kept=3, number=6)

    whole, part = regraded(server, mixed, ROW), regraded(server, partly, eval_id=eval_id)

    _, items = check(server, whole["eval_id"], whole["id"])
    assert whole["result_counts"] == {"total": 6, "passed": 4, "failed": 0, "errored": 2}
    errors = [item for item in items if item["status"] == "error"]
    (message,) = {item["sample"]["error"]["message"] for item in errors}
    assert message.endswith("no sample for you")
    assert {item["results"][0]["error"]["code"] for item in errors} == {"no_sample"}
    check(server, part["eval_id"], part["id"])
    assert (part["status"], part["evald"]["rows"], part["eval_id"]) == ("completed", 3, eval_id)


def test_samples_that_rows_brought_are_graded_as_they_were_also_a_second_time(
    server: EvaldServer, models: ModelServer
) -> None:
    tool = {"type": "function_call", "call_id": "c", "name": "find", "arguments": '{"q": "x"}'}
    content = [
        {"item": {"answer": "own"}, "sample": {"output_text": "text", "mark": "own"}},
        {"item": {"answer": "own"}, "sample": {"object": "response", "output": [tool]}},
        {"item": {"answer": "own"}},
    ]
    run = create_run(server, create_eval(server), given(content))
    get_final(server, run)
    mark = {**EXACT, "input": "{{ sample.mark }}{{ sample.output_items[0].name }}"}

    once = regraded(server, run, {**mark, "reference": "own"}, {**mark, "reference": "find"})
    twice = regraded(server, once, {**mark, "reference": "own"}, {**mark, "reference": "find"})

    for again in (once, twice):
        items = items_of(server, again, "limit=10&order_by=datasource_item_id")
        verdicts = [[result["passed"] for result in item["results"]] for item in items]
        assert verdicts == [[True, False], [False, True], [False, False]]
    samples = [[item["sample"] for item in items_of(server, each)] for each in (run, once, twice)]
    assert samples[0] == samples[1] == samples[2]


def test_calls_of_tools_and_texts_in_json_are_there_for_templates(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text='{"a": 5}', tool_calls=[ToolCall("find", '{"q": "x"}')]))
    run = create_run(server, create_eval(server), sampled(rows(1)))
    get_final(server, run)
    seen = "{{ sample.output_json.a }} {{ sample.output_tools[0].function.arguments.q }}"

    again = regraded(server, run, {**EXACT, "input": seen, "reference": "5 x"})

    assert again["result_counts"]["passed"] == 1


def test_imported_history_is_graded_again(server: EvaldServer, models: ModelServer) -> None:
    old = new_archive()
    imported(server, old.eval(), old.run(), old.item(0), old.item(1))

    again = regraded(server, {"eval_id": old.eval_id, "id": old.run_id}, {**ROW, "reference": "4"})

    check(server, again["eval_id"], again["id"])
    assert again["result_counts"] == {"total": 2, "passed": 2, "failed": 0, "errored": 0}
    assert models.stats().started == 0


def test_the_answer_has_a_strict_form_and_a_key_makes_one_run(
    server: EvaldServer, models: ModelServer
) -> None:
    run = create_run(server, create_eval(server), sampled(rows(2)))
    get_final(server, run)
    headers = {"idempotency-key": "once", "evald-schema-strict": "true"}

    answers = [
        server.ask("POST", f"{path_of(run)}/regrade", {"testing_criteria": [ROW]}, headers)
        for _ in range(2)
    ]

    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json["id"] == answers[1].json["id"]
    final = get_final(server, answers[0].json)
    strict = server.ask("GET", path_of(final), headers=headers)
    published = strict_schema()
    for answer in (answers[0], strict):
        assert published is None or published.component("EvalRun").is_valid(answer.json)
    path, live = path_of(final), get_run(server, final)
    assert list(own_schema().complaints("GET", path, 200, live)) == []
    for item in items_of(server, final):
        assert list(own_schema().complaints("GET", f"{path}/output_items/x", 200, item)) == []
    report = server.ask("GET", f"/evaluations/{final['eval_id']}?run_id={final['id']}").body
    assert f"run_id={run['id']}".encode() in report


def test_what_cannot_be_graded_again_is_refused_and_makes_nothing(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(server)
    run = create_run(server, eval_id, sampled(rows(2)))
    get_final(server, run)
    models.script(Step(hold="before"))
    going_on = create_run(server, eval_id, sampled(rows(1)))
    empty = canceled_run(server, models, eval_id, kept=0, number=1)
    number = len(asked(server, "GET", "/v1/evals?limit=1000")["data"])

    refused = [
        (run, {}, 400, "testing_criteria"),
        (run, {"testing_criteria": [ROW], "eval_id": eval_id}, 400, "testing_criteria"),
        (run, {"testing_criteria": [{**ROW, "operation": "is"}]}, 400, None),
        (run, {"testing_criteria": [{**JUDGE, "model": ""}]}, 400, None),
        (run, {"eval_id": "eval_none"}, 404, "eval_id"),
        ({**run, "id": "none"}, {"testing_criteria": [ROW]}, 404, "run_id"),
        (going_on, {"testing_criteria": [ROW]}, 400, "run_id"),
        (empty, {"testing_criteria": [ROW]}, 400, "run_id"),
    ]
    for source, body, status, param in refused:
        answer = regrade(server, source, body)
        assert answer.status == status, answer.body
        assert param in (None, answer.json["error"]["param"])
    assert len(asked(server, "GET", "/v1/evals?limit=1000")["data"]) == number
    models.release()
    get_final(server, going_on)


def test_samples_that_are_gone_before_they_were_read_fail_the_run_and_say_so(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(runs_at_once=1)
    models.script_rules(Rule([Step(status=400), Step()], contains="row 1"), Rule([Step()]))
    eval_id = create_eval(server)
    deleted, redone = (create_run(server, eval_id, sampled(rows(3, n))) for n in (20, 0))
    for run in (deleted, redone):
        get_final(server, run)
    models.script(Step(hold="before"))
    before = create_run(server, eval_id, sampled(rows(1)))
    models.wait(held=1)
    again = [
        accepted(regrade(server, run, {"testing_criteria": [ROW]})) for run in (deleted, redone)
    ]

    asked(server, "DELETE", path_of(deleted))
    resumed(server, redone, {"retry": "errored"})
    models.script(Step())
    models.release()

    get_final(server, before)
    for run, left in zip(again, (3, 1), strict=True):
        failed = get_final(server, run)
        assert (failed["status"], failed["error"]["code"]) == ("failed", "invalid_rows")
        assert f"{left} of 3 items are gone" in failed["error"]["message"]
        check_refused(server, failed, "invalid_rows")


def test_rows_that_do_not_fit_the_other_eval_fail_the_run_with_the_item_named(
    server: EvaldServer, models: ModelServer
) -> None:
    run = create_run(server, create_eval(server), sampled(rows(2)))
    get_final(server, run)
    schema = {"type": "object", "required": ["other"]}
    body = {
        "data_source_config": {"type": "custom", "item_schema": schema},
        "testing_criteria": [ROW],
    }
    other = asked(server, "POST", "/v1/evals", body)["id"]

    failed = regraded(server, run, eval_id=other)

    assert failed["error"]["code"] == "invalid_rows"
    (first, *_) = items_of(server, run, "limit=10&order_by=datasource_item_id")
    assert f"output item {first['id']}.item" in failed["error"]["message"]
