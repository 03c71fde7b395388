"""The page of an eval: its runs, how they went, what tests them, and what its items look like."""

from evald.contract.json_types import JsonObject
from evald.dashboard.eval_page import EvalPage, render_eval
from evald.dashboard.examples import Endpoint, first_run
from evald.dashboard.frame import Frame
from evald.dashboard.pass_rates import Tick, chart, sparkline
from tests.dashboard.samples import (
    ENDPOINT,
    EVAL_ID,
    RUN_ID,
    STARTED,
    eval_object,
    recent_run,
    run_object,
)


def rendered(page: EvalPage) -> str:
    return render_eval(page, frame=Frame("../"), endpoint=ENDPOINT, now=STARTED + 300)


def with_schema(schema: JsonObject, *, with_sample: bool = True) -> JsonObject:
    properties: JsonObject = {"item": schema}
    if with_sample:
        properties["sample"] = {"type": "object"}
    whole: JsonObject = {"type": "object", "properties": properties}
    return eval_object(data_source_config={"type": "custom", "schema": whole})


def test_every_run_leads_to_its_report_and_can_be_chosen_to_compare() -> None:
    runs = [run_object("completed", passed=31, failed=9), run_object("queued", id="evalrun_2")]

    html = rendered(
        EvalPage(eval_object(), runs, [recent_run()], status="completed", next_after="evalrun_x")
    )

    assert f'<a href="../evaluations/{EVAL_ID}?run_id={RUN_ID}"><bdi>' in html
    assert f'href="../evaluations/{EVAL_ID}?status=completed&amp;after=evalrun_x"' in html
    assert f'href="../evaluations/{EVAL_ID}/runs/{RUN_ID}/again">New run' in html
    assert f'<form method="get" action="../evaluations/{EVAL_ID}/compare"' in html
    assert f'type="checkbox" name="run" value="{RUN_ID}"' in html
    assert "<b>77.5%</b>" in html


def test_the_chart_has_ended_runs_in_the_order_of_time_with_their_intervals() -> None:
    runs = [
        recent_run(id="running", status="in_progress"),
        recent_run(id="newer", passed=30, failed=10),
        recent_run(id="stopped", status="canceled", passed=5, failed=5, errored=3),
        recent_run(id="older", passed=20, failed=20),
        recent_run(id="nothing", status="failed", passed=0, failed=0, errored=9),
    ]

    drawn = chart(runs)

    assert drawn
    assert [dot.id for dot in drawn.dots] == ["older", "stopped", "newer"]
    assert [dot.is_completed for dot in drawn.dots] == [True, False, True]
    assert all(dot.high < dot.y < dot.low for dot in drawn.dots)
    assert drawn.ticks[0] == Tick(196.0, 20)
    assert drawn.ticks[-1] == Tick(4.0, 100)
    assert "50.0 % of 10 passed, 3 errored, 95 % interval 23.7 to 76.3 %" in drawn.dots[1].words


def test_lines_stay_within_their_charts() -> None:
    for rates in ([], [0.0], [1.0], [0.0, 1.0], [0.5, 0.5001], [1.0] * 12):
        line = sparkline(rates)
        ys = [float(point.split(",")[1]) for point in (line.points.split() if line else [])]
        assert all(4 <= y <= 24 for y in ys)
    for passed, failed in ((1, 0), (0, 1), (1_000_000, 0), (999_999, 1), (3, 4)):
        drawn = chart([recent_run(passed=passed, failed=failed)])
        assert drawn
        assert 4 <= drawn.dots[0].high <= drawn.dots[0].y <= drawn.dots[0].low <= 196
        assert 2 <= len(drawn.ticks) <= 6


def test_the_items_are_described_key_by_key() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "ticket": {"type": "string", "description": "What the customer wrote"},
            "team": {"enum": ["billing", 7]},
            "tags": {"type": "array", "items": {"type": ["string", "null"]}},
        },
        "required": ["ticket"],
    }

    html = rendered(EvalPage(with_schema(schema)))

    assert "What the customer wrote" in html
    assert "one of billing, 7" in html
    assert "array of string or null" in html
    assert html.count(">required<") == 1
    assert html.count(">may be left out<") == 2


def test_an_eval_without_runs_shows_the_program_of_the_first() -> None:
    schema: JsonObject = {
        "properties": {
            "n": {"type": "integer"},
            "say": {"type": "string"},
            "of": {"enum": ["\u202e'"]},
        },
        "required": ["say"],
    }
    endpoint = Endpoint("http://127.0.0.1:8484/v1", needs_key=True, model="house-model")

    sampled = first_run(with_schema(schema), endpoint)
    graded = first_run(with_schema(schema, with_sample=False), endpoint)

    assert "This eval has no runs yet" in rendered(EvalPage(with_schema(schema)))
    for program in (sampled, graded):
        compile(program, "example", "exec")
        assert '{"item": {"say": "text", "n": 1, "of": "\\u202e\'"}},' in program
    assert 'model = "house-model"' in sampled
    assert '"content": "{{ item.say }}"' in sampled
    assert '"type": "jsonl"' in graded
    assert "model" not in graded


def test_a_schema_without_end_gives_a_program_that_is_short() -> None:
    schema: JsonObject = {"type": "string"}
    for _ in range(30):
        keys = {f"{number}" * 99: schema for number in range(50)}
        schema = {"type": "object", "properties": dict(keys), "required": list(keys)}

    assert len(first_run(with_schema(schema), ENDPOINT)) < 6_000
