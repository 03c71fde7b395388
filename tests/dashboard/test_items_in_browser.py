"""The items of a real run in a real Chromium: search, filters, orders and pages, all in the address."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.model_server.client import ModelServer
from tests.runs.making import (
    ALIKE,
    EXACT,
    create_eval,
    create_run,
    get_final,
    path_of,
    rows,
    sampled,
)
from tests.server import EvaldServer

ROWS = 120
COUNTRIES = ("DE", "AT", "CH")
FAILED = list(range(0, ROWS, 3))
PASSED = [row for row in range(ROWS) if row % 3]

Run = dict[str, Any]


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("items"), upstream=model_process.url) as server:
        yield server


@pytest.fixture(scope="module")
def run(server: EvaldServer) -> Any:
    """A run that the index has; every third item fails, and only those have the word zebra."""
    content = rows(ROWS)
    for number, row in enumerate(content):
        row["item"]["country"] = COUNTRIES[number % 3]
    run = create_run(server, create_eval(server, EXACT, ALIKE), sampled(content, model="echo"))
    get_final(server, run)
    exported(server, run, "q=zebra")  # is answered when the index has all items
    return run


def exported(server: EvaldServer, run: Run, query: str) -> list[dict[str, str]]:
    """Give the items that an export with these filters has, as the lines of a CSV."""
    answer = server.ask("GET", f"{path_of(run)}/export?format=csv&{query}")
    assert answer.status == 200, answer.body
    return list(csv.DictReader(io.StringIO(answer.body.decode())))


def test_a_search_and_a_filter_stand_in_the_address_and_back_takes_them_away(
    run: Run, tab: Page
) -> None:
    tab.goto(run["report_url"])

    tab.keyboard.press("/")
    tab.keyboard.type("zebra")
    tab.keyboard.press("Enter")
    expect(tab.locator("#range")).to_have_text("40 of 40 items")
    tab.locator("#filter-menu summary").click()
    tab.locator("#field").fill("country")
    tab.locator("#value").fill("DE")
    tab.locator("#c0").select_option("failed")
    tab.locator("#s1-to").fill("0.4")
    tab.get_by_role("button", name="Apply").click()
    expect(tab.locator(".condition")).to_have_count(4)

    assert tab.url == f"{run['report_url']}&q=zebra&c0=failed&s1=..0.4&f.country=DE"
    tab.go_back()
    expect(tab.locator(".condition")).to_have_count(1)
    tab.go_back()
    expect(tab.locator("#items tbody tr")).to_have_count(50)
    expect(tab.locator("#search")).to_have_value("")


def test_the_whole_set_is_sorted_and_walked_page_by_page_and_item_by_item(
    run: Run, tab: Page
) -> None:
    number = tab.locator("#items tbody .col-number")
    tab.goto(f"{run['report_url']}&sort=-row")
    expect(number.first).to_have_text("119")

    tab.locator("#next-page").click()
    expect(number.first).to_have_text("69")
    tab.locator("a.open").last.click()
    expect(tab.locator("#drawer-title")).to_have_text("Item 20")
    tab.keyboard.press("j")
    expect(tab.locator("#drawer-title")).to_have_text("Item 19")
    expect(number.first).to_have_text("19")
    tab.keyboard.press("k")
    expect(tab.locator("#drawer-title")).to_have_text("Item 20")
    tab.keyboard.press("Escape")
    tab.get_by_role("link", name="Tokens").click()
    expect(tab.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    expect(tab).to_have_url(re.compile("sort=-tokens$"))


def test_filters_and_columns_work_without_script(run: Run, tab_without_script: Page) -> None:
    tab = tab_without_script
    tab.goto(run["report_url"])

    tab.locator("#filter-menu summary").click()
    tab.locator("#c0").select_option("failed")
    tab.locator("#tokens-from").fill("1")
    tab.get_by_role("button", name="Apply").click()
    expect(tab).to_have_url(f"{run['report_url']}&c0=failed&tokens=1..")
    tab.locator("#columns-menu summary").click()
    tab.get_by_label("country").check()
    tab.get_by_label("Latency", exact=True).uncheck()
    tab.get_by_role("button", name="Show").click()

    expect(tab.get_by_role("columnheader", name="country")).to_be_visible()
    expect(tab.get_by_role("columnheader", name="Latency")).to_have_count(0)
    expect(tab.locator(".condition")).to_have_count(2)
    tab.locator("#clear-filters").click()
    expect(tab.locator("#range")).to_have_text("50 of 120 items")
    expect(tab.get_by_role("columnheader", name="country")).to_be_visible()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=zeb", FAILED),
        ("c0=failed&f.country=DE", FAILED),
        ("status=pass&f.country=AT", list(range(1, ROWS, 3))),
        ("s1=1..&tokens=0..&latency=0..", PASSED),
        ("c0=failed&c1=failed&s1=..0.4", FAILED),
        ("q=nothing+like+it", []),
    ],
)
def test_an_export_has_exactly_the_items_of_its_filter_in_the_order_of_the_rows(
    server: EvaldServer, run: Run, query: str, found: list[int]
) -> None:
    assert [int(line["datasource_item_id"]) for line in exported(server, run, query)] == found


def test_an_address_of_another_list_or_of_nonsense_opens_the_report(
    server: EvaldServer, run: Run
) -> None:
    page = run["report_url"].removeprefix(server.url)
    for query in ("after=outputitem_x", "sort=-latency&after=row~5", "c9=no&s0=x&columns=,c8&set"):
        answer = server.ask("GET", f"{page}&{query}")

        assert answer.status in (200, 303)
