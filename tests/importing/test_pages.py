"""The pages of imported history: marked as such, and complete also where an archive is not."""

import re

from tests.importing.making import imported, new_archive
from tests.server import EvaldServer

MARK = '<span class="tag">imported</span>'
LOOSE = re.compile(r"\s+")


def page(server: EvaldServer, path: str) -> str:
    """Give the text of a page with single spaces."""
    answer = server.ask("GET", path)
    assert answer.status == 200, answer.body
    return LOOSE.sub(" ", answer.body.decode())


def test_what_was_imported_is_marked_on_every_page(server: EvaldServer) -> None:
    archive = new_archive()
    imported(server, *archive.whole)
    runs = f"/evaluations/{archive.eval_id}"
    report = page(server, f"{runs}?run_id={archive.run_id}")

    assert MARK in page(server, "/")
    assert page(server, runs).count(MARK) == 2  # the eval and its run
    assert MARK in report
    assert "<li>Imported <b><time" in report
    assert "1 passed, 1 failed" in report
    assert "Was <b>" not in report
    assert "not started" not in report
    assert "Cancel run" not in report


def test_an_item_of_history_opens_beside_the_table(server: EvaldServer) -> None:
    archive = new_archive()
    imported(server, *archive.whole)

    shown = page(
        server,
        f"/evaluations/{archive.eval_id}?run_id={archive.run_id}&item={archive.item_id(1)}",
    )

    assert '<h2 id="drawer-title">Item 1</h2>' in shown
    assert "What is 2 + 2?" in shown
    assert '<dt>Expected</dt><dd dir="auto"><mark>5</mark>' in shown
    assert "<dt>Attempts</dt>" not in shown


def test_a_run_that_was_canceled_by_its_import_says_what_it_was(server: EvaldServer) -> None:
    archive = new_archive()
    imported(server, archive.eval(), archive.run(status="in_progress"))

    shown = page(server, f"/evaluations/{archive.eval_id}?run_id={archive.run_id}")

    assert "Was <b>in progress</b> then" in shown
    assert "aborted" not in shown


def test_results_of_criteria_that_the_eval_has_not_are_shown_by_their_names(
    server: EvaldServer,
) -> None:
    archive = new_archive()
    by_name = {"testing_criteria": "exact", "passed": 1, "failed": 1}
    gone = {"testing_criteria": "Old grader-" + "0" * 8 + "-0000-4000-8000-" + "0" * 12}
    results = [by_name, {**gone, "passed": 2, "failed": 0}]
    result = {"name": "exact", "sample": None, "passed": True, "score": 0.75}
    imported(
        server,
        archive.eval(),
        archive.run(per_testing_criteria_results=results),
        archive.item(0, results=[result]),
    )

    shown = page(server, f"/evaluations/{archive.eval_id}?run_id={archive.run_id}")

    assert shown.count('<div class="criterion">') == 2
    assert "<h3><bdi>exact</bdi></h3>" in shown
    assert "<h3><bdi>Old grader</bdi></h3>" in shown
    assert "2 passed, 0 failed" in shown
    assert "no results" not in shown
    assert "<span>0.75</span>" in shown


def test_what_was_put_together_says_so(server: EvaldServer) -> None:
    archive = new_archive()
    made_up = {"evald": {"imported": {"reconstructed": True}}}
    run = archive.run(per_testing_criteria_results=None, per_model_usage=None, **made_up)
    imported(server, archive.eval(testing_criteria=[], **made_up), run, archive.item(0))

    shown = page(server, f"/evaluations/{archive.eval_id}?run_id={archive.run_id}")

    assert "Put together from its output items" in shown
    assert "No testing criteria are known of this eval." in shown
    assert "Put together from its output items" in page(server, f"/evaluations/{archive.eval_id}")


def test_items_that_history_lacks_are_not_waited_for(server: EvaldServer) -> None:
    archive = new_archive()
    counts = {"total": 16, "errored": 0, "failed": 8, "passed": 8}
    imported(server, archive.eval(), archive.run(result_counts=counts))

    report = page(server, f"/evaluations/{archive.eval_id}?run_id={archive.run_id}&q=France")
    answer = server.ask("GET", f"{archive.run_path}/export?q=France")

    assert "looked at" not in report
    assert "searchable so far" not in report
    assert (answer.status, answer.body) == (200, b"")
