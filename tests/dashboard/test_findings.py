"""What the report says of latencies, scores, reasons, costs, and of the runs before."""

from dataclasses import replace
from decimal import Decimal

import pytest

from evald.contract.counts import ResultCounts
from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.frame import Frame
from evald.dashboard.histograms import histogram_of
from evald.dashboard.items import ItemsPage
from evald.dashboard.report import Background, ReportPage, render_report, report_page
from evald.rules.bins import Bins, bins_of
from evald.rules.cost import Price, Prices
from evald.store.earlier_runs import EarlierRun
from evald.store.item_figures import Reason, RunFigures
from tests.dashboard.samples import eval_object, run_object

DONE = run_object("completed", passed=31, failed=8, errored=1)
FIGURES = RunFigures(
    indexed=40,
    latency=bins_of([680.0] * 30 + [1900.0] * 10),
    scores={0: bins_of([0.0, 1.0]), 1: bins_of([0.1] * 4 + [0.4] * 4 + [0.8] * 10 + [1.0] * 20)},
    reasons=(
        Reason("close", "Close to reference: <b>0.4</b>", "fail", 1, 8),
        Reason("late", "no first byte within 60 s", "error", None, 1),
    ),
)
PRICE = Price(Decimal("0.40"), None, Decimal("1.60"))


def page_of(run: JsonObject = DONE, **background: object) -> ReportPage:
    return report_page(
        eval_object=eval_object(),
        run=run,
        items=[],
        page=ItemsPage(shown=0, total=0),
        selected=None,
        frame=Frame("../"),
        background=replace(Background(base_url="http://127.0.0.1:8484/v1"), **background),  # type: ignore[arg-type]
    )


def part(html: str, part_id: str) -> str:
    """Give a part of the page as one line, from its id to the next part."""
    start = html.index(f'id="{part_id}"')
    return " ".join(html[start : html.find("data-part", start + 80)].split())


def test_the_latency_is_of_the_whole_run_and_says_that_it_is_rounded() -> None:
    summary = part(render_report(page_of(figures=FIGURES)), "summary")

    assert "<small>about </small>680 ms" in summary
    assert "median; 95 % within about 1.9 s</p>" in summary


def test_figures_that_have_not_caught_up_say_of_how_many_items_they_are() -> None:
    html = render_report(page_of(figures=replace(FIGURES, indexed=25)))

    assert "1.9 s, of the 25 items looked at so far" in part(html, "summary")
    assert "of the 25 items looked at so far" in part(html, "findings")


def test_a_run_that_no_figures_are_known_of_yet_is_being_looked_at() -> None:
    html = render_report(page_of())

    assert "being looked at" in part(html, "summary")
    assert "The items are being looked at." in part(html, "findings")
    assert "No item failed or errored" not in html


def test_reasons_are_links_with_their_shape_their_count_and_their_share() -> None:
    findings = part(render_report(page_of(figures=FIGURES)), "findings")

    assert "Close to reference: &lt;b&gt;0.4&lt;/b&gt;" in findings
    assert '<span class="count">8</span> <span class="part-of">20.0%</span>' in findings
    assert 'class="status fail"' in findings
    assert 'class="status error"' in findings
    assert 'reason=close#items" data-go' in findings


def test_the_failed_and_errored_items_of_a_criterion_are_a_click_away() -> None:
    first, _ = page_of(figures=FIGURES).findings.criteria

    assert first.failed_address.endswith("&c0=failed#items")
    assert first.errored_address.endswith("&c0=errored#items")


def test_scores_are_drawn_on_the_side_of_the_threshold_where_they_are() -> None:
    histogram = histogram_of(FIGURES.scores[1], 0.8)

    assert histogram is not None
    assert [column.side for column in histogram.columns] == ["fail", "fail", "pass", "pass"]
    assert histogram.columns[-1].height == 32
    assert histogram.words == ("38 scores from 0.1 to 1, mean 0.79; about 30 at 0.8 or higher")


def test_only_criteria_with_scores_have_a_histogram() -> None:
    check, similarity = page_of(figures=FIGURES).findings.criteria

    assert check.histogram is None
    assert similarity.histogram is not None


@pytest.mark.parametrize(
    ("values", "threshold"),
    [([5.0, 7.0], 6.5), ([-2.0, 3.0], None), ([0.5], 0.5), ([0.3, 0.33], 0.001), ([1e15], 2.0)],
)
def test_a_histogram_holds_all_scores_within_its_width(
    values: list[float], threshold: float | None
) -> None:
    histogram = histogram_of(bins_of(values), threshold)

    assert histogram is not None
    assert len(histogram.columns) <= 20
    assert all(column.x >= 0 and column.x + column.width <= 121.5 for column in histogram.columns)


def test_no_scores_make_no_histogram() -> None:
    assert histogram_of(Bins(), 0.5) is None


EARLIER = (
    EarlierRun("evalrun_a", "v12", ResultCounts(passed=20, failed=20)),
    EarlierRun("evalrun_b", "all errored", ResultCounts(errored=40)),
    EarlierRun("evalrun_c", "<v13>", ResultCounts(passed=28, failed=12)),
    EarlierRun("evalrun_d", "", ResultCounts(errored=1)),
)


def test_the_pass_rate_is_set_against_the_run_before_with_an_interval() -> None:
    html = render_report(page_of(earlier=EARLIER))
    summary = part(html, "summary")

    assert "<b>+9.5 points</b> (95 % interval −9.7 to +27.7) against" in summary
    assert "compare?run=evalrun_c&amp;run=evalrun_0123" in summary
    assert "&lt;v13&gt;" in summary
    assert (
        "Pass rates of the 2 runs before, oldest first: 50.0 %, 70.0 %; of this run: 79.5 %" in html
    )


@pytest.mark.parametrize("earlier", [(), EARLIER[1:2]])
def test_without_a_run_before_there_is_no_trend_and_nothing_to_compare(
    earlier: tuple[EarlierRun, ...],
) -> None:
    page = page_of(earlier=earlier)

    assert page.trend is None
    assert "compare" not in render_report(page)


def used(model: str, *, prompt: int, cached: int = 0, completion: int = 0) -> JsonValue:
    return {
        "model_name": model,
        "invocation_count": 10,
        "prompt_tokens": prompt,
        "cached_tokens": cached,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def costly(status: str) -> JsonObject:
    """Give a run of 40 rows, 10 of them done, that asked a model and a judge."""
    run = run_object(status, passed=10)
    extras = run["evald"]
    assert isinstance(extras, dict)
    usage: JsonObject = {
        "sampling": [used("gpt-4.1-mini", prompt=1_000_000, completion=500_000)],
        "judging": [used("judge", prompt=2_000_000, cached=1_000_000)],
    }
    return run | {"evald": extras | {"usage": usage}}


def test_a_run_whose_models_all_have_a_price_tells_its_cost() -> None:
    prices = Prices("EUR", [("*", PRICE)])

    html = render_report(page_of(costly("in_progress"), prices=prices))

    assert "2.00<small> EUR</small>" in part(html, "summary")
    assert "about 8.00 at the end · 3.5M tokens" in part(html, "summary")
    assert '<td class="n">0.80</td>' in part(html, "usage")
    assert "<td>judging</td>" in part(html, "usage")


def test_a_model_without_a_price_is_named_and_nothing_is_added_up() -> None:
    page = page_of(costly("completed"), prices=Prices("EUR", [("gpt*", PRICE)]))

    assert page.usage.cost is None
    assert "a price is missing" in render_report(page)
    assert page.usage.unpriced == ("judge",)


def test_without_prices_there_are_tokens_and_how_to_set_prices() -> None:
    usage = part(render_report(page_of(costly("completed"))), "usage")

    assert '[prices."gpt-4.1-mini"]' in usage
    assert "EUR" not in usage


def test_the_configuration_is_told_in_the_words_of_the_api() -> None:
    template: JsonObject = {
        "type": "template",
        "template": [
            {
                "type": "message",
                "role": "system",
                "content": {"type": "input_text", "text": "Be <i>."},
            }
        ],
    }
    source: JsonObject = {
        "type": "completions",
        "model": "m",
        "input_messages": template,
        "sampling_params": {"temperature": 0.5},
        "source": {"type": "file_id", "id": "file-9"},
    }

    html = render_report(page_of(DONE | {"data_source": source}))

    for name, value in [("temperature", "0.5"), ("source.id", "file-9"), ("pass_threshold", "0.8")]:
        assert f"<dt>{name}</dt><dd><bdi>{value}</bdi></dd>" in html
    assert '<p dir="auto">Be &lt;i&gt;.</p>' in html


@pytest.mark.parametrize(
    "source", [None, [], {}, {"source": 5}, {"source": {"type": "file_content"}}, {"type": None}]
)
def test_a_configuration_of_any_shape_is_shown(source: JsonValue) -> None:
    criteria: JsonValue = [5, {"graders": [1], "input": [None, 3]}, {"graders": {"a": None}}]

    html = render_report(page_of(DONE | {"data_source": source, "metadata": 7}))
    odd = report_page(
        eval_object=eval_object(testing_criteria=criteria),
        run=DONE,
        items=[],
        page=ItemsPage(shown=0, total=0),
        selected=None,
        frame=Frame("../"),
    )

    assert 'id="configuration"' in html
    assert 'id="configuration"' in render_report(odd)
