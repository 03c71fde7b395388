"""The items of a report, from plain values: the address holds every choice, and each link keeps it."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.frame import Frame
from evald.dashboard.items import ItemsPage
from evald.dashboard.items_query import ItemsAsked, is_of_a_form, read_asked, written_asked
from evald.dashboard.report import ReportPage, render_report, report_page
from evald.rules.item_query import ItemQuery, Range, Sort
from tests.dashboard.samples import EVAL_ID, RUN_ID, eval_object, item_id, output_item, run_object

RUN = run_object("completed", passed=60, failed=30, errored=10)
NARROW = ItemQuery(
    status="fail",
    text="refund",
    verdicts=((0, "failed"),),
    scores=((1, Range(0.2, 0.7)),),
    latency_ms=Range(100, None),
    tokens=Range(None, 800),
    fields=(("country", "DE"),),
    reason="c0:failed",
    sort=Sort("latency", is_descending=True),
)
PARAMETERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "status",
                "q",
                "c0",
                "columns",
                "after",
                "before",
                "item",
                "latency.from",
                "latency.to",
                "s1.from",
                "s1.to",
                "field",
                "value",
                "f.a",
                "sort",
                "set",
            ]
        ),
        st.sampled_from(["fail", "failed", "input,c1", "c1,c7", "f.x", "12", "-1", "score1", "é&="])
        | st.text(max_size=4),
    ),
    max_size=8,
)


def page_of(asked: ItemsAsked, *numbers: int, **changes: object) -> ReportPage:
    items = [output_item(number, "fail") for number in numbers]
    selected = next((item for item in items if item["id"] == asked.item), None)
    return report_page(
        eval_object=eval_object(),
        run=RUN,
        items=items,
        page=ItemsPage(shown=len(items), total=None, asked=asked, **changes),  # type: ignore[arg-type]
        selected=selected,
        frame=Frame("../"),
    )


def asked_by(address: str) -> ItemsAsked:
    """Give what an address asks for, as the route reads it."""
    return read_asked(parse_qsl(urlsplit(address).query, keep_blank_values=True), 2)


@given(PARAMETERS)
@settings(max_examples=60)
def test_any_parameters_are_an_address_that_is_written_and_read_back(
    parameters: list[tuple[str, str]],
) -> None:
    asked = read_asked(parameters, 2)

    assert read_asked(written_asked(asked), 2) == asked


def test_the_fields_of_the_form_are_put_together_and_empty_ones_left_out() -> None:
    sent = "set=1&c0=failed&c1=&s1.from=0.2&s1.to=&latency.from=&latency.to=&field=country&value=DE"

    asked = read_asked(parse_qsl(sent, keep_blank_values=True), 2)

    assert asked.query == ItemQuery(
        verdicts=((0, "failed"),), scores=((1, Range(0.2, None)),), fields=(("country", "DE"),)
    )
    assert is_of_a_form([("set", "1")])
    assert not is_of_a_form(written_asked(asked))


def test_columns_are_those_of_the_boxes_that_are_ticked() -> None:
    asked = read_asked([("columns", "input"), ("columns", "c1"), ("columns", "c2,x,c1")], 2)

    page = page_of(asked, 1)

    assert asked.columns == ("input", "c1")
    assert [column.key for column, _ in page.table.columns] == ["input", "c1"]
    assert [choice.column.key for choice in page.table.choices if choice.is_shown] == [
        "input",
        "c1",
    ]


def test_a_field_of_the_row_can_be_a_column() -> None:
    html = render_report(page_of(ItemsAsked(columns=("f.order",)), 4))

    assert (
        '<td class="col-field" data-label="order"><div class="clamp" dir="auto">88217</div>' in html
    )
    assert f'<a class="open" id="open-{item_id(4)}"' in html  # the row opens without its input, too


def test_every_link_of_the_table_keeps_what_is_asked_for() -> None:
    asked = ItemsAsked(NARROW, ("input", "c0"), after="here")

    table = page_of(asked, 7, next_after="there", previous_before="before").table

    start = ItemsAsked(NARROW, ("input", "c0"))
    assert asked_by(table.address) == asked
    assert asked_by(table.rows[0].address) == asked.opened(item_id(7))
    assert asked_by(str(table.next_address)) == ItemsAsked(NARROW, start.columns, after="there")
    assert asked_by(str(table.previous_address)) == ItemsAsked(
        NARROW, start.columns, before="before"
    )
    assert asked_by(str(table.first_address)) == start


def test_each_filter_in_force_can_be_taken_away_alone() -> None:
    chips = page_of(ItemsAsked(NARROW), 7).table.tools.chips

    assert [(chip.label, chip.value.shown) for chip in chips] == [
        ("has", "refund"),
        ("Correct team", "failed"),
        ("Close to reference", "score 0.2 to 0.7"),
        ("Latency", "at least 100 ms"),
        ("Tokens", "at most 800"),
        ("country", "DE"),
        ("Reason", "c0:failed"),
    ]
    left = [asked_by(chip.address).query for chip in chips]
    assert left[5].fields == ()
    assert all(len(page_of(ItemsAsked(query), 7).table.tools.chips) == 6 for query in left)
    assert all(query.sort == NARROW.sort and query.status == "fail" for query in left)


def test_a_form_sends_what_else_is_chosen_in_hidden_fields() -> None:
    tools = page_of(ItemsAsked(NARROW, ("input",), after="here", item=item_id(7)), 7).table.tools

    assert dict(tools.with_search) == {
        "run_id": RUN_ID,
        "status": "fail",
        "c0": "failed",
        "s1": "0.2..0.7",
        "latency": "100..",
        "tokens": "..800",
        "f.country": "DE",
        "reason": "c0:failed",
        "sort": "-latency",
        "columns": "input",
        "set": "1",
    }
    assert {name for name, _ in tools.with_filter} == {
        "run_id", "status", "q", "f.country", "reason", "columns", "set"
    }  # fmt: skip
    assert "after" in dict(tools.with_columns)


def test_a_column_sorts_one_way_then_the_other_then_not() -> None:
    now, seen = ItemsAsked(), []
    for _ in range(3):
        heading = {column.key: heading for column, heading in page_of(now, 1).table.columns}[
            "latency"
        ]
        assert heading is not None
        now = asked_by(heading.address)
        seen.append((heading.order, now.query.sort))

    assert seen == [
        ("", Sort("latency", is_descending=True)),
        ("descending", Sort("latency")),
        ("ascending", Sort()),
    ]


def test_counts_stand_at_the_statuses_unless_another_filter_is_in_force() -> None:
    plain = page_of(ItemsAsked(ItemQuery(status="fail", sort=Sort("tokens"))), 1).filters
    narrow = page_of(ItemsAsked(ItemQuery(text="refund")), 1).filters

    assert [choice.count for choice in plain] == [100, 60, 30, 10]
    assert [choice.count for choice in narrow] == [None] * 4
    assert asked_by(narrow[2].address).query == ItemQuery(status="fail", text="refund")


def test_a_list_that_nobody_counted_says_what_is_on_the_page_or_all_if_that_is_all() -> None:
    asked = ItemsAsked(ItemQuery(text="refund"))

    assert '<span id="range">1 item on this page</span>' in render_report(
        page_of(asked, 1, next_after="x")
    )
    assert '<span id="range">1 of 1 item</span>' in render_report(page_of(asked, 1))


def test_a_list_behind_its_index_says_how_far_it_looked() -> None:
    html = render_report(page_of(ItemsAsked(ItemQuery(text="refund")), searchable=62))

    assert "62 of 100 items are searchable so far." in html
    assert "No item matches this filter so far." in html
    assert "Clear filters</a>" in html


def test_a_list_that_is_not_sorted_as_a_whole_says_so() -> None:
    asked = ItemsAsked(ItemQuery(text="refund", sort=Sort("latency")))

    html = render_report(page_of(asked, sorted_at_most=100_000))

    assert "only the first 100,000 by row are sorted" in html
    assert "are sorted" not in render_report(page_of(asked))


def test_an_empty_list_says_what_to_loosen() -> None:
    html = render_report(page_of(ItemsAsked(NARROW)))

    assert "No failed item matches all of these filters. Remove one above" in html
    assert "items without a latency are left out." in html


def test_exports_are_of_the_items_that_the_page_lists() -> None:
    table = page_of(ItemsAsked(NARROW, ("input",), after="x", item="y"), 7).table

    csv, lines, parquet = (urlsplit(str(export.address)) for export in table.exports)

    assert csv.path.endswith(f"/v1/evals/{EVAL_ID}/runs/{RUN_ID}/export")
    assert parse_qsl(csv.query)[0] == ("format", "csv")
    assert asked_by(f"?{csv.query}").query == ItemQuery(
        **{name: getattr(NARROW, name) for name in NARROW.__slots__ if name != "sort"}
    )
    assert [parse_qsl(each.query)[0][1] for each in (lines, parquet)] == ["jsonl", "parquet"]


def test_parquet_is_no_link_where_the_server_cannot_write_it() -> None:
    html = render_report(page_of(ItemsAsked(), 7, has_parquet=False))

    assert 'id="export-csv"' in html
    assert 'id="export-parquet"' not in html
    assert "this server cannot write it" in html


def test_the_neighbours_of_an_item_are_on_its_page_or_where_the_store_has_found_them() -> None:
    asked = ItemsAsked(NARROW, after="here", item=item_id(7))
    before = ItemsAsked(NARROW, before="p", item=item_id(6))
    after = ItemsAsked(NARROW, after="n", item=item_id(9))

    detail = page_of(asked, 7, 8, item_before=before, item_after=after).detail

    assert detail is not None
    assert asked_by(str(detail.previous_address)) == before
    assert asked_by(str(detail.next_address)) == asked.opened(item_id(8))


def test_addresses_of_others_lead_to_a_filter_and_keep_the_columns() -> None:
    addresses = ReportAddresses(EVAL_ID, RUN_ID, columns=("input",))

    assert asked_by(addresses.items(status="fail")) == ItemsAsked(
        ItemQuery(status="fail"), ("input",)
    )
    assert asked_by(addresses.items(ItemQuery(reason="k"), item="i")) == ItemsAsked(
        ItemQuery(reason="k"), ("input",), item="i"
    )


@pytest.mark.parametrize("value", ['"><script>', "\u202e", "x" * 500])
def test_a_hostile_filter_is_only_read(value: str) -> None:
    asked = ItemsAsked(
        ItemQuery(text=value[:200], fields=((value[:90], value),)), (f"f.{value[:90]}",)
    )
    changes: JsonObject = {"datasource_item": {value[:90]: value}}

    html = render_report(
        report_page(
            eval_object=eval_object(),
            run=RUN,
            items=[output_item(1, "pass", **changes)],
            page=ItemsPage(shown=1, total=None, asked=asked, reason=value),
            selected=None,
            frame=Frame("../"),
        )
    )

    assert "<script>" not in html
    assert "\u202e" not in html
