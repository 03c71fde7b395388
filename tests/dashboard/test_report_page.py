"""What the report says, from plain values; no browser."""

import json
import re

import pytest
from markupsafe import escape

from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.conversation import MESSAGE_LIMIT
from evald.dashboard.frame import Frame, known_theme
from evald.dashboard.grades import FIELD_LIMIT
from evald.dashboard.items_query import ItemsAsked
from evald.dashboard.report import (
    ItemsPage,
    ReportPage,
    render_fragment,
    render_report,
    report_page,
)
from evald.dashboard.texts import Text
from evald.rules.item_query import ItemQuery
from tests.dashboard.samples import (
    CLOSE,
    RUN_ID,
    STARTED,
    TEAM,
    eval_object,
    item_id,
    output_item,
    output_items,
    run_object,
)

ALL_ITEMS = ItemsPage(shown=3, total=3)
THREE = run_object("completed", passed=1, failed=1, errored=1)


def page_of(
    run: JsonObject,
    items: list[JsonObject],
    *,
    selected: JsonObject | None = None,
    now: float | None = None,
) -> ReportPage:
    return report_page(
        eval_object=eval_object(),
        run=run,
        items=items,
        page=ALL_ITEMS,
        selected=selected,
        frame=Frame("../"),
        now=now,
    )


@pytest.mark.parametrize(
    ("status", "label"),
    [
        ("queued", "Queued"),
        ("in_progress", "In progress"),
        ("completed", "Completed"),
        ("failed", "Failed"),
        ("canceled", "Canceled"),
    ],
)
def test_every_status_has_its_word(status: str, label: str) -> None:
    html = render_report(page_of(run_object(status), []))

    assert f"</span>{label}</span>" in html


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_run_that_goes_on_can_be_canceled_and_reloads_without_script(status: str) -> None:
    html = render_report(page_of(run_object(status), []))

    assert f'action="../evaluations/{eval_object()["id"]}/runs/{RUN_ID}/cancel"' in html
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in html


@pytest.mark.parametrize("status", ["completed", "failed", "canceled"])
def test_a_final_run_has_no_cancel_button_and_does_not_reload(status: str) -> None:
    html = render_report(page_of(run_object(status), []))

    assert "/cancel" not in html
    assert "refresh" not in html


def test_a_run_without_a_name_is_called_by_its_id() -> None:
    page = page_of(run_object("queued", name=""), [])

    assert page.facts.name == RUN_ID


def test_a_running_run_tells_its_speed_and_the_time_left() -> None:
    run = run_object("in_progress", passed=8, failed=2)

    progress = page_of(run, [], now=STARTED + 20).progress

    assert (progress.items_per_second, progress.seconds_left) == (0.5, 60.0)


def test_a_canceled_run_tells_what_was_kept_not_run_and_aborted() -> None:
    html = render_report(page_of(run_object("canceled", passed=9, failed=3), []))

    assert "<b>12</b> of 40 items kept" in html
    assert "<b>28</b> not run" in html
    assert "<b>3</b> calls aborted" in html


def test_a_failed_run_tells_why() -> None:
    error: JsonObject = {"code": "file_broken", "message": "line 18 is not JSON"}

    html = render_report(page_of(run_object("failed", error=error), []))

    assert "file_broken" in html
    assert "line 18 is not JSON" in html


def test_the_pass_rate_comes_with_its_interval() -> None:
    html = render_report(page_of(run_object("completed", passed=31, failed=9), []))

    assert "77.5<small>%</small>" in html
    assert "95 % interval 62.5 to 87.7" in html


def test_criteria_are_matched_by_their_id() -> None:
    run = run_object(
        "completed",
        passed=1,
        per_testing_criteria_results=[
            {"testing_criteria": CLOSE, "passed": 3, "failed": 1, "errored": 0}
        ],
    )

    team, close = [finding.result for finding in page_of(run, []).findings.criteria]

    assert (team.counts, team.share) == (None, None)
    assert close.share == 0.75


def test_a_string_check_shows_what_was_expected_and_what_came() -> None:
    item = output_item(0, "fail")

    detail = page_of(THREE, [item], selected=item).detail

    assert detail is not None
    assert detail.grades[0].expected == Text("technical")
    assert detail.grades[0].got == Text("billing, I think")


def test_a_grader_that_broke_shows_its_error_and_no_score() -> None:
    broken: JsonObject = {
        "name": TEAM,
        "passed": False,
        "score": 0.0,
        "error": {"code": "judge_unreadable", "message": "the judge wrote no number"},
    }
    item = output_item(0, "error", results=[broken])

    html = render_report(page_of(THREE, [item], selected=item))

    assert "judge_unreadable" in html
    assert "the judge wrote no number" in html
    assert "no score" in html


def test_tool_calls_are_part_of_the_conversation() -> None:
    call: JsonObject = {"function": {"name": "look_up", "arguments": '{"order": 88213}'}}
    sample: JsonObject = {
        "input": [],
        "output": [{"role": "assistant", "content": None, "tool_calls": [call]}],
    }
    item = output_item(0, "pass", sample=sample)

    detail = page_of(THREE, [item], selected=item).detail

    assert detail is not None
    assert detail.messages[0].calls == (Text('look_up({"order": 88213})'),)


def test_neighbours_in_the_table_are_one_step_away() -> None:
    items = [output_item(number, "pass") for number in range(3)]

    detail = page_of(THREE, items, selected=items[1]).detail

    assert detail is not None
    assert detail.previous_address is not None
    assert detail.previous_address.endswith(f"?run_id={RUN_ID}&item={item_id(0)}")
    assert detail.next_address is not None
    assert detail.next_address.endswith(f"?run_id={RUN_ID}&item={item_id(2)}")


def test_links_keep_the_filter_and_the_place_in_the_list() -> None:
    page = report_page(
        eval_object=eval_object(),
        run=THREE,
        items=[output_item(5, "fail")],
        page=ItemsPage(
            shown=1,
            total=9,
            asked=ItemsAsked(ItemQuery(status="fail"), after="outputitem_a"),
            next_after="o_b",
        ),
        selected=None,
        frame=Frame("../"),
    )

    assert page.table.rows[0].address.endswith(
        f"?run_id={RUN_ID}&status=fail&after=outputitem_a&item={item_id(5)}"
    )
    assert page.table.next_address is not None
    assert page.table.next_address.endswith(f"?run_id={RUN_ID}&status=fail&after=o_b")
    assert page.table.first_address is not None
    assert page.table.first_address.endswith(f"?run_id={RUN_ID}&status=fail")


def test_a_sample_of_a_megabyte_makes_a_small_page() -> None:
    huge = "x" * 1_000_000
    sample: JsonObject = {"input": [], "output": [{"role": "assistant", "content": huge}]}
    item = output_item(0, "fail", sample=sample, datasource_item={"field": huge})

    html = render_report(page_of(THREE, [item], selected=item))

    assert len(html) < 100_000
    assert f"{1_000_000 - MESSAGE_LIMIT:,} more characters" in html
    assert f"{1_000_000 - FIELD_LIMIT:,} more characters" in html


def test_deceiving_and_broken_characters_are_shown_wherever_they_are() -> None:
    run = run_object("completed", name="a\u202eb", metadata={"k\u200b": "half\ud800"})
    item = output_item(0, "pass", datasource_item={"f\u2066": "v\x00"})

    html = render_report(page_of(run, [item], selected=item))

    for shown in ("a⟨U+202E⟩b", "k⟨U+200B⟩", "half⟨U+D800⟩", "f⟨U+2066⟩", "v⟨U+0000⟩"):
        assert shown in html
    assert not set("\u202e\u200b\ud800\u2066\x00") & set(html)


@pytest.mark.parametrize("sample", [None, {}, [], "text", {"input": 1, "output": [None, 2]}])
def test_a_sample_of_any_shape_is_shown(sample: JsonObject | None) -> None:
    item = output_item(0, "error", sample=sample, datasource_item=None, results=None, evald=None)

    html = render_report(page_of(THREE, [item], selected=item))

    assert "Item 0" in html


def test_the_fragment_is_the_live_parts_of_the_page_word_for_word() -> None:
    page = page_of(THREE, output_items(1, 1, 1))

    whole, fragment = render_report(page), render_fragment(page)

    parts = re.split(r"(?=<\w+ [^>]*data-part)", fragment)[1:]
    assert len(parts) == 8
    assert [part for part in parts if part.strip() not in whole] == []
    assert "<html" not in fragment


@pytest.mark.parametrize(
    ("theme", "attribute"),
    [
        ("dark", ' data-theme="dark"'),
        ("light", ' data-theme="light"'),
        ('"><script>', ""),
    ],
)
def test_only_a_known_theme_reaches_the_page(theme: str, attribute: str) -> None:
    page = report_page(
        eval_object=eval_object(),
        run=THREE,
        items=[],
        page=ALL_ITEMS,
        selected=None,
        frame=Frame("../", known_theme(theme)),
    )

    assert f'<html lang="en"{attribute}>' in render_report(page)


def test_errored_items_are_on_neither_side_of_the_pass_rate() -> None:
    html = render_report(page_of(run_object("completed", passed=30, failed=10, errored=10), []))

    assert "75.0<small>%</small>" in html
    assert "60.0 to 80.0 if the 10 errored had all failed or all passed" in html


def judged(content: str, **changes: JsonValue) -> str:
    """Give the page of an item that a judge wrote this about."""
    sample: JsonObject = {"output": [{"role": "assistant", "content": content}]}
    result: JsonObject = {"name": CLOSE, "passed": True, "score": 1, "sample": sample, **changes}
    use: JsonObject = {"model_name": "judge", "total_tokens": 1234}
    extras: JsonObject = {"latency_ms": 1, "attempts": 1, "judge_usage": [use]}
    item = output_item(0, "pass", results=[result], evald=extras)
    return render_report(page_of(THREE, [item], selected=item))


def steps(number: int) -> str:
    """Give a judgement of so many steps."""
    told = [{"description": f"Look {n}", "conclusion": f"Find {n}"} for n in range(number)]
    return json.dumps({"steps": told, "result": "good"})


def test_a_judgement_is_told_step_by_step_with_its_result_and_its_cost() -> None:
    html = judged(steps(2))

    for step in range(2):
        assert f'<p dir="auto">Look {step}</p>' in html
        assert f'<p class="conclusion" dir="auto">Find {step}</p>' in html
    assert '<mark class="pass">good</mark>' in html
    assert "1,234 tokens" in html


def test_many_steps_are_cut_and_counted() -> None:
    html = judged(steps(500))

    assert html.count('class="conclusion"') == 10
    assert "490 more steps" in html


@pytest.mark.parametrize("content", ["It is good.", "{", '{"steps": [5], "result": 1}', "[1]"])
def test_what_a_judge_wrote_in_another_form_is_shown_as_it_is(content: str) -> None:
    html = judged(content)

    assert f'<p class="judgement" dir="auto">{escape(content)}</p>' in html
    assert 'class="steps"' not in html


def test_an_answer_that_led_to_no_verdict_is_not_shown_as_one() -> None:
    error: JsonObject = {"code": "judge_truncated", "message": "cut"}

    html = judged(steps(1), error=error)

    assert 'class="steps"' not in html
    assert "judge_truncated" in html


def graded_by_program(**result: JsonValue) -> str:
    """Give the page of an item that a program graded with this result."""
    program: JsonObject = {"id": "p-1", "name": "p", "type": "python", "source": "a\nb\n"}
    whole: JsonObject = {"name": "p-1", "type": "python", "passed": True, "score": 1, **result}
    item = output_item(0, "pass", results=[whole])
    page = report_page(
        eval_object=eval_object(testing_criteria=[program]),
        run=THREE,
        items=[item],
        page=ALL_ITEMS,
        selected=item,
        frame=Frame("../"),
    )
    return render_report(page)


def test_what_a_program_printed_and_its_traceback_are_shown_as_they_are() -> None:
    printed = json.dumps({"steps": [], "result": "<b>"})
    sample: JsonObject = {
        "output": [{"role": "stdout", "content": printed}],
        "traceback": 'File "grader"\n  KeyError',
    }

    html = graded_by_program(sample=sample)

    assert f'<dt>Printed</dt><dd dir="auto">{escape(printed)}</dd>' in html
    assert f'<dt>Traceback</dt><dd dir="auto">{escape(sample["traceback"])}</dd>' in html
    assert "2 lines of Python, passes at 0.5" in html
    assert 'class="judgement"' not in html


@pytest.mark.parametrize("sample", [None, {}, {"output": [], "traceback": None}, {"output": 5}])
def test_a_program_that_left_nothing_has_no_room_on_the_page(sample: JsonValue) -> None:
    assert 'class="program"' not in graded_by_program(sample=sample)


TONE: JsonObject = {"type": "score_model", "name": "tone", "model": "judge"}
PARTS: JsonObject = {
    "tone": TONE,
    "team": {
        "type": "string_check",
        "input": "{{sample.output_text}}",
        "reference": "{{item.team}}",
    },
}
MIXED = "Mixed-5b1f9c1e-8f3b-4c53-9d2a-0a1b2c3d4e5f"


def mixed(**tone: JsonValue) -> str:
    """Give the page of an item that a formula graded, with this result of its judge."""
    multi: JsonObject = {
        "id": MIXED,
        "name": "Mixed",
        "type": "multi",
        "graders": PARTS,
        "calculate_output": "0.5 * tone + 0.5 * team",
        "pass_threshold": 0.75,
    }
    sub_results: JsonObject = {
        "tone": {"type": "score_model", "score": 0.5, "sample": None, **tone},
        "team": {"type": "string_check", "score": 1.0, "sample": None},
    }
    result: JsonObject = {
        "name": MIXED,
        "passed": True,
        "score": 0.75,
        "sample": None,
        "sub_results": sub_results,
    }
    item = output_item(0, "pass", results=[result])
    page = report_page(
        eval_object=eval_object(testing_criteria=[multi]),
        run=THREE,
        items=[item],
        page=ALL_ITEMS,
        selected=item,
        frame=Frame("../"),
    )
    return render_report(page)


def test_a_formula_shows_its_parts_each_with_its_score_and_what_it_compared() -> None:
    html = mixed()

    assert '<p class="formula" dir="auto">0.5 * tone + 0.5 * team</p>' in html
    assert "<h4><bdi>tone</bdi></h4>" in html
    assert "<h4><bdi>team</bdi></h4>" in html
    assert "<mark>technical</mark>" in html
    assert html.count(", passes at 0.75") == 2  # in the header and in the drawer


def test_a_score_just_below_its_threshold_is_shown_below_it() -> None:
    score: JsonObject = {"id": "tone-1", "name": "tone", "type": "score_model", "model": "judge"}
    result: JsonObject = {"name": "tone-1", "passed": False, "score": 0.499, "sample": None}
    item = output_item(0, "fail", results=[result])

    html = render_report(
        report_page(
            eval_object=eval_object(testing_criteria=[score]),
            run=THREE,
            items=[item],
            page=ALL_ITEMS,
            selected=item,
            frame=Frame("../"),
        )
    )

    assert html.count(">0.499</span>") == 2  # in the table and in the drawer
    assert html.count(", passes at 0.5<") == 2
    assert ">0.5</span>" not in html


def test_the_judge_within_a_formula_is_told_step_by_step() -> None:
    html = mixed(sample={"output": [{"role": "assistant", "content": steps(2)}]})

    assert '<p class="conclusion" dir="auto">Find 1</p>' in html
    assert '<mark class="">good</mark>' in html


def test_a_part_that_broke_shows_its_error_and_no_score() -> None:
    html = mixed(error={"code": "judge_refused", "message": "It refused."})

    drawer = html[html.index('<dialog class="drawer"') :]
    assert "judge_refused" in drawer
    assert "It refused." in drawer
    assert drawer.count("no score") == 1


def test_many_parts_are_cut_and_counted() -> None:
    parts: JsonObject = {f"part {n}": {"type": "string_check", "score": 1.0} for n in range(60)}
    result: JsonObject = {"name": MIXED, "passed": True, "score": 1, "sub_results": parts}
    item = output_item(0, "pass", results=[result])

    html = render_report(page_of(THREE, [item], selected=item))

    assert html[html.index('<dialog class="drawer"') :].count("<h4>") == 20
    assert "40 more graders" in html


@pytest.mark.parametrize("parts", [None, [], "text", {"a": None}, {"a": {"score": "x"}}])
def test_parts_of_any_shape_are_shown(parts: JsonValue) -> None:
    result: JsonObject = {"name": MIXED, "passed": True, "score": 1, "sub_results": parts}
    item = output_item(0, "pass", results=[result])

    assert "Item 0" in render_report(page_of(THREE, [item], selected=item))
