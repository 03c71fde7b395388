"""History that comes in line by line: what is kept, what is told, and what a second time changes."""

import json
from typing import Any

from tests.importing.making import THEN, all_of, fates, imported, new_archive, sent
from tests.runs.making import create_eval, create_run, get_final, given, items_of, rows
from tests.server import EvaldServer

EXTRAS: Any = {
    "rows": None,
    "calls_aborted": 0,
    "started_at": None,
    "finished_at": None,
    "usage": {"sampling": [], "judging": []},
}


def got(server: EvaldServer, path: str) -> Any:
    answer = server.ask("GET", path)
    assert answer.status == 200, answer.body
    return answer.json


def test_what_comes_in_is_answered_as_it_came(server: EvaldServer) -> None:
    archive = new_archive()

    outcome = imported(server, *archive.whole)

    assert (outcome["object"], outcome["dry_run"]) == ("eval.import", False)
    assert (outcome["failed"], outcome["errors"], outcome["notes"]) == (0, [], [])
    assert fates(outcome) == all_of(1, 1, 2)
    of_eval = got(server, f"/v1/evals/{archive.eval_id}")
    mark = of_eval.pop("evald")["imported"]
    assert mark == {"at": mark["at"], "reconstructed": False}
    assert mark["at"] > THEN
    assert of_eval == archive.eval()
    run = got(server, archive.run_path)
    origin = {"at": mark["at"], "status": "completed", "reconstructed": False}
    assert run.pop("evald") == {**EXTRAS, "imported": origin}
    assert run.pop("report_url") == (
        f"{server.url}/evaluations/{archive.eval_id}?run_id={archive.run_id}"
    )
    assert run == {key: value for key, value in archive.run().items() if key != "report_url"}
    listed = got(server, f"{archive.run_path}/output_items")["data"]
    both = {"max_completions_tokens": 4096, "max_completion_tokens": 4096}
    expected = [archive.item(row) for row in (0, 1)]
    assert listed == [{**item, "sample": {**item["sample"], **both}} for item in expected]


def test_the_same_again_changes_nothing(server: EvaldServer) -> None:
    archive = new_archive()
    imported(server, *archive.whole)
    before = got(server, archive.run_path)

    assert fates(imported(server, *archive.whole)) == all_of(1, 1, 2, "existing")
    assert got(server, archive.run_path) == before


def test_something_else_under_a_known_id_stays_out_with_a_note(server: EvaldServer) -> None:
    archive = new_archive()
    imported(server, *archive.whole)
    others = [
        archive.eval(name="Other"),
        archive.run(result_counts={"total": 2, "errored": 0, "failed": 0, "passed": 2}),
        archive.item(1, status="pass"),
    ]

    outcome = imported(server, *others)

    assert fates(outcome) == all_of(1, 1, 1, "different")
    assert [note["line"] for note in outcome["notes"]] == [1, 2, 3]
    assert [note["id"] for note in outcome["notes"]] == [each["id"] for each in others]
    assert all("something else" in note["message"] for note in outcome["notes"])
    assert got(server, f"/v1/evals/{archive.eval_id}")["name"] == "Sums"
    assert got(server, archive.run_path)["result_counts"]["failed"] == 1


def test_a_dry_run_tells_the_same_and_keeps_nothing(server: EvaldServer) -> None:
    archive = new_archive()

    for _ in range(2):
        outcome = imported(server, *archive.whole, query="?dry_run=true")
        assert outcome["dry_run"] is True
        assert fates(outcome) == all_of(1, 1, 2)
    orphans = imported(server, archive.item(0), archive.run(), query="?dry_run=true")

    assert (fates(orphans), orphans["failed"]) == (all_of(0, 1, 1), 0)
    assert server.ask("GET", f"/v1/evals/{archive.eval_id}").status == 404
    assert (
        sent(server, archive.eval(), query="?dry_run=perhaps").json["error"]["param"] == "dry_run"
    )


def test_children_without_their_parents_are_left_out(server: EvaldServer) -> None:
    archive, other = new_archive(), new_archive()
    imported(server, other.eval())

    outcome = imported(server, archive.item(0), archive.run(), archive.run(eval_id=other.eval_id))

    assert [(each["line"], each["code"]) for each in outcome["errors"]] == [
        (1, "wrong_parent"),
        (2, "parent_missing"),
    ]
    assert (outcome["failed"], outcome["runs"]["imported"]) == (2, 1)


def test_ids_of_other_parents_are_taken(server: EvaldServer) -> None:
    archive, other = new_archive(), new_archive()
    imported(server, *archive.whole)
    imported(server, other.eval(), other.run())
    moved = [
        archive.run(eval_id=other.eval_id),
        archive.item(0, eval_id=other.eval_id, run_id=other.run_id),
    ]

    outcome = imported(server, *moved)

    assert [(each["id"], each["code"]) for each in outcome["errors"]] == [
        (archive.run_id, "id_taken"),
        (archive.item_id(0), "id_taken"),
    ]
    assert [each["message"] for each in outcome["errors"]] == [
        "The id of this run is taken.",
        "The id of this output item is taken.",
    ]


def test_a_run_that_was_going_on_is_kept_as_canceled_until_it_comes_ended(
    server: EvaldServer,
) -> None:
    archive = new_archive()
    none = {"total": 0, "errored": 0, "failed": 0, "passed": 0}
    going_on = archive.run(status="in_progress", result_counts=none, per_model_usage=None)
    imported(server, archive.eval(), going_on, archive.item(0))
    canceled = got(server, archive.run_path)
    more = archive.run(status="in_progress")

    again, further, ended = (
        fates(imported(server, each))["runs"] for each in (going_on, more, archive.run())
    )

    assert (canceled["status"], canceled["evald"]["imported"]["status"]) == (
        "canceled",
        "in_progress",
    )
    assert (again, further, ended) == ((0, 1, 0, 0), (0, 0, 0, 1), (0, 0, 0, 1))
    run = got(server, archive.run_path)
    assert (run["status"], run["result_counts"]["total"]) == ("completed", 2)
    assert len(got(server, f"{archive.run_path}/output_items")["data"]) == 1
    listed = got(server, f"{archive.runs_path}?status=completed")["data"]
    assert [each["id"] for each in listed] == [archive.run_id]
    assert fates(imported(server, going_on))["runs"] == (0, 0, 1, 0)


def test_what_was_put_together_is_replaced_by_what_was_archived(server: EvaldServer) -> None:
    archive = new_archive()
    made_up = {"evald": {"imported": {"reconstructed": True}}}
    config = {"type": "custom", "schema": {"type": "object", "properties": {"item": {}}}}
    odd = [{"type": "unknown", "name": "a"}]
    guess = archive.eval(name="", testing_criteria=odd, data_source_config=config, **made_up)
    counts = {"result_counts": None, "data_source": None, "per_testing_criteria_results": None}
    run = archive.run(name="", **counts, **made_up)
    (note,) = imported(server, guess, run, *archive.whole[2:])["notes"]
    put_together = got(server, archive.run_path)
    refused = server.ask("POST", archive.runs_path, {"data_source": given(rows(1))})

    again = fates(imported(server, guess, archive.run(**counts, **made_up)))
    replaced = fates(imported(server, *archive.whole))

    assert "put together from its output items alone" in note["message"]
    assert put_together["result_counts"] == {"total": 2, "errored": 0, "failed": 1, "passed": 1}
    assert put_together["evald"]["imported"]["reconstructed"] is True
    assert put_together["data_source"]["type"] == "jsonl"
    assert (refused.status, refused.json["error"]["code"]) == (400, "reconstructed_eval")
    assert again == all_of(1, 1, 0, "existing")
    assert replaced == {
        "evals": (0, 0, 0, 1),
        "runs": (0, 0, 0, 1),
        "output_items": (0, 2, 0, 0),
    }
    of_eval, run = got(server, f"/v1/evals/{archive.eval_id}"), got(server, archive.run_path)
    assert of_eval["evald"]["imported"]["reconstructed"] is False
    assert (of_eval["name"], len(of_eval["testing_criteria"])) == ("Sums", 1)
    assert (run["name"], run["evald"]["imported"]["reconstructed"]) == ("first", False)
    assert fates(imported(server, guess)) == all_of(1, 0, 0, "existing")


def test_a_run_that_was_put_together_again_from_more_items_tells_of_all_of_them(
    server: EvaldServer,
) -> None:
    archive = new_archive()
    made_up = {"evald": {"imported": {"reconstructed": True}}}
    criterion = {"testing_criteria": archive.criterion_id, "passed": 1, "failed": 0}
    one = {"total": 1, "errored": 0, "failed": 0, "passed": 1}
    less = archive.run(
        result_counts=one, per_model_usage=[], per_testing_criteria_results=[criterion], **made_up
    )
    more = archive.run(**made_up)
    imported(server, archive.eval(**made_up), less, archive.item(0))

    told = [fates(imported(server, run))["runs"] for run in (less, more, more, less)]
    cut_off = got(server, archive.run_path)["result_counts"]
    imported(server, archive.item(0), archive.item(1))

    assert told == [(0, 1, 0, 0), (0, 0, 0, 1), (0, 1, 0, 0), (0, 1, 0, 0)]
    assert cut_off == one
    run = got(server, archive.run_path)
    for key in ("result_counts", "per_testing_criteria_results", "per_model_usage"):
        assert run[key] == more[key]
    assert run["evald"]["imported"]["reconstructed"] is True


def test_an_item_of_which_no_result_is_known_is_an_error_of_its_run(server: EvaldServer) -> None:
    archive = new_archive()
    run = archive.run(result_counts=None, evald={"imported": {"reconstructed": True}})
    unknown = [
        archive.item(0, status=None, results=None),
        archive.item(1, status="completed", results=[]),
    ]

    imported(server, archive.eval(), run, *unknown)

    counts = {"total": 2, "errored": 2, "failed": 0, "passed": 0}
    assert got(server, archive.run_path)["result_counts"] == counts


def test_rows_that_are_taken_or_missing_get_the_next_free_place(server: EvaldServer) -> None:
    archive = new_archive()
    without = archive.item(9)
    del without["datasource_item_id"]
    odd = [
        archive.item(7),
        archive.item(8, datasource_item_id=7),
        without,
        archive.item(10, datasource_item_id=-1),
        archive.item(11, datasource_item_id=2**53),
        archive.item(12, datasource_item_id=0),
    ]
    imported(server, archive.eval(), archive.run(), *odd[:3])

    imported(server, *odd[2:])

    path = f"{archive.run_path}/output_items"
    shown = {each["id"]: each["datasource_item_id"] for each in got(server, path)["data"]}
    by_row = [each["id"] for each in got(server, f"{path}?order_by=datasource_item_id")["data"]]
    assert list(shown) == [each["id"] for each in odd]
    assert list(shown.values()) == [7, 7, 9, -1, 2**53, 0]
    assert by_row == [archive.item_id(n) for n in (12, 7, 8, 9, 10, 11)]
    assert fates(imported(server, *odd)) == all_of(0, 0, 6, "existing")


def test_runs_that_were_made_here_take_no_other_items_in(server: EvaldServer) -> None:
    eval_id = create_eval(server)
    sample = {"choices": [{"message": {"role": "assistant", "content": "a"}}]}
    row = {"item": {"answer": "a"}, "sample": sample}
    run = get_final(server, create_run(server, eval_id, given([row])))
    (item,) = items_of(server, run)
    archive = new_archive()
    foreign = archive.item(5, eval_id=eval_id, run_id=run["id"])

    outcome = imported(server, got(server, f"/v1/evals/{eval_id}"), run, item, foreign)

    assert fates(outcome) == all_of(1, 1, 1, "existing")
    assert [each["code"] for each in outcome["errors"]] == ["run_not_imported"]
    assert items_of(server, run) == [item]


def test_an_export_of_evald_comes_back_as_it_was(server: EvaldServer) -> None:
    eval_id = create_eval(server)
    sample = {"choices": [{"message": {"role": "assistant", "content": "a"}}]}
    row = {"item": {"answer": "a"}, "sample": sample}
    run = get_final(server, create_run(server, eval_id, given([row] * 3)))
    exported = [got(server, f"/v1/evals/{eval_id}"), run, *items_of(server, run)]
    assert server.ask("DELETE", f"/v1/evals/{eval_id}").status == 200

    assert fates(imported(server, *exported)) == all_of(1, 1, 3)

    of_eval = got(server, f"/v1/evals/{eval_id}")
    back = got(server, f"/v1/evals/{eval_id}/runs/{run['id']}")
    assert of_eval.pop("evald")["imported"]["reconstructed"] is False
    assert back["evald"].pop("imported")["status"] == "completed"
    assert [of_eval, back, *items_of(server, run)] == exported


def test_an_export_of_what_was_imported_comes_back_but_for_the_time_of_its_import(
    server: EvaldServer,
) -> None:
    archive = new_archive()
    made_up = {"evald": {"imported": {"reconstructed": True}}}
    other = archive.run(id=f"{archive.run_id}b", **made_up)
    item = archive.item(0, status="completed")
    imported(server, archive.eval(**made_up), archive.run(status="queued"), other, item)
    items = got(server, f"{archive.run_path}/output_items")["data"]
    exported = [got(server, f"/v1/evals/{archive.eval_id}")]
    exported += got(server, archive.runs_path)["data"]
    server.ask("DELETE", f"/v1/evals/{archive.eval_id}")

    assert fates(imported(server, *exported, *items)) == all_of(1, 2, 1)

    back = [got(server, f"/v1/evals/{archive.eval_id}")]
    back += got(server, archive.runs_path)["data"]
    for each in (*exported, *back):
        each["evald"]["imported"].pop("at")
    assert back == exported
    assert [each["evald"]["imported"]["reconstructed"] for each in back] == [True, False, True]
    assert back[1]["evald"]["imported"]["status"] == "queued"
    assert got(server, f"{archive.run_path}/output_items")["data"] == items
    assert items[0]["evald"] == {"imported": {"status": "completed"}}


def test_what_another_evald_added_is_left_out_where_it_is_not_sound(server: EvaldServer) -> None:
    archive = new_archive()
    odd = {"rows": -1, "started_at": "now", "usage": []}
    run, item = archive.run(evald=odd), archive.item(0, evald={"latency_ms": "long"})

    assert imported(server, archive.eval(evald=7), run, item)["failed"] == 0

    shown = got(server, archive.run_path)["evald"]
    shown.pop("imported")
    assert shown == EXTRAS
    assert "evald" not in got(server, f"{archive.run_path}/output_items")["data"][0]


def test_many_items_come_in_many_requests(server: EvaldServer) -> None:
    archive = new_archive()
    imported(server, archive.eval(), archive.run())

    for first in (0, 600):
        lines = [archive.item(row) for row in range(first, first + 600)]
        assert fates(imported(server, *lines))["output_items"] == (600, 0, 0, 0)

    found, after = [], ""
    while True:
        page = got(server, f"{archive.run_path}/output_items?limit=500{after}")
        found += [each["datasource_item_id"] for each in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    assert found == list(range(1200))


def test_imported_history_is_read_only(server: EvaldServer) -> None:
    archive = new_archive()
    imported(server, *archive.whole)
    before = got(server, archive.run_path)

    for path in (archive.run_path, f"{archive.run_path}/cancel"):
        answer = server.ask("POST", path)
        assert (answer.status, answer.json) == (200, before)

    assert server.ask("DELETE", archive.run_path).json["deleted"] is True
    assert server.ask("GET", f"{archive.run_path}/output_items").status == 404
    assert fates(imported(server, *archive.whole))["output_items"] == (2, 0, 0, 0)
    assert server.ask("DELETE", f"/v1/evals/{archive.eval_id}").status == 200
    assert server.ask("GET", archive.run_path).status == 404


def test_lists_go_by_the_times_of_then(server: EvaldServer) -> None:
    archive = new_archive()
    numbers = [archive.run_id[:-1] + letter for letter in "xyz"]
    times = [THEN + 30, THEN + 10, THEN + 20]
    runs = [archive.run(id=i, created_at=t) for i, t in zip(numbers, times, strict=True)]
    imported(server, archive.eval(), *runs)

    def listed(query: str) -> list[str]:
        return [each["id"][-1] for each in got(server, f"{archive.runs_path}?{query}")["data"]]

    assert listed("") == ["y", "z", "x"]
    assert listed("order=desc") == ["x", "z", "y"]
    assert listed(f"after={numbers[1]}&limit=1") == ["z"]
    assert listed("status=canceled") == []


def test_the_body_is_json_lines_and_no_json_array(server: EvaldServer) -> None:
    array = sent(server, json.dumps(new_archive().whole).encode())

    assert (array.json["failed"], array.json["errors"][0]["code"]) == (1, "invalid_type")
    assert sent(server).json["error"]["code"] == "missing_body"
