"""The report in a real Chromium: with and without script, by keyboard, narrow, while it goes on."""

import re

import pytest
from playwright.sync_api import Page, expect

from evald.contract.json_types import JsonObject
from tests.dashboard.samples import eval_object, item_id, output_items, run_object
from tests.dashboard.site import Site
from tests.waiting import until

STATUSES = ["queued", "in_progress", "completed", "failed", "canceled"]


def show_finished(site: Site) -> list[JsonObject]:
    items = output_items(20, 7, 3)
    site.show(eval_object(), run_object("completed", passed=20, failed=7, errored=3), items)
    return items


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_run_of_every_status_opens_without_a_complaint(
    site: Site, tab: Page, status: str, scheme: str
) -> None:
    run = run_object(status, passed=5, failed=2, errored=1)
    site.show(eval_object(), run, output_items(5, 2, 1))
    tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    tab.goto(site.report_address())

    expect(tab.locator("#state")).to_have_text(status.replace("_", " ").capitalize())


def test_an_item_opens_by_its_address_as_a_modal_dialog(site: Site, tab: Page) -> None:
    show_finished(site)

    tab.goto(site.report_address(item=item_id(3)))

    expect(tab.locator("#drawer")).to_have_js_property("open", True)
    expect(tab.locator("#drawer-title")).to_have_text("Item 3")
    assert tab.locator("#drawer").evaluate("drawer => drawer.matches(':modal')")
    expect(tab.locator("tr[aria-current] .col-number")).to_have_text("3")


def test_everything_can_be_reached_without_script(site: Site, tab_without_script: Page) -> None:
    show_finished(site)
    tab = tab_without_script
    tab.goto(site.report_address())

    tab.get_by_role("link", name="Next").click()
    expect(tab.locator(".items tbody tr")).to_have_count(10)
    expect(tab.locator(".items tbody .col-number").first).to_have_text("10")
    tab.locator("a.open").nth(1).click()
    expect(tab.locator("#drawer-title")).to_have_text("Item 11")
    tab.locator("#next-item").click()
    expect(tab.locator("#drawer-title")).to_have_text("Item 12")
    tab.locator("#close-item").click()
    expect(tab.locator("#drawer")).to_be_hidden()
    expect(tab.locator(".items tbody .col-number").first).to_have_text("10")
    tab.locator(".choices").get_by_role("link", name="Failed").click()
    expect(tab.locator(".items tbody tr")).to_have_count(7)
    expect(tab.locator("#theme")).to_be_hidden()


def test_a_run_is_canceled_without_script_in_two_steps(
    site: Site, tab_without_script: Page
) -> None:
    site.show(eval_object(), run_object("in_progress", passed=2), output_items(2, 0, 0))
    tab_without_script.goto(site.report_address())
    expect(tab_without_script.locator("#cancel")).to_be_hidden()

    tab_without_script.get_by_text("Cancel run", exact=True).click()
    tab_without_script.locator("#cancel").click()

    expect(tab_without_script.locator("#state")).to_have_text("Canceled")
    assert [path.rpartition("/")[2] for path, _ in site.posts] == ["cancel"]


def test_the_cancel_form_names_its_origin(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("queued"), [])
    tab.goto(site.report_address())

    tab.get_by_text("Cancel run", exact=True).click()
    tab.locator("#cancel").click()
    expect(tab.locator("#state")).to_have_text("Canceled")

    assert [origin for _, origin in site.posts] == [site.address]


def test_the_question_before_a_cancel_stays_open_while_the_page_updates(
    site: Site, tab: Page
) -> None:
    site.show(eval_object(), run_object("in_progress", passed=2), output_items(2, 0, 0))
    tab.goto(site.report_address())
    tab.get_by_text("Cancel run", exact=True).click()

    site.show(eval_object(), run_object("in_progress", passed=9), output_items(9, 0, 0))
    expect(tab.locator(".live .status.pass")).to_have_text("9 passed")

    expect(tab.locator("#cancel")).to_be_visible()


def test_rows_are_walked_and_opened_by_keyboard(site: Site, tab: Page) -> None:
    show_finished(site)
    tab.goto(site.report_address())

    for key in ["j", "j", "j", "k"]:
        tab.keyboard.press(key)
    expect(tab.locator(f"#open-{item_id(1)}")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("#drawer-title")).to_have_text("Item 1")
    tab.keyboard.press("j")
    expect(tab.locator("#drawer-title")).to_have_text("Item 2")
    assert f"item={item_id(2)}" in tab.url
    tab.keyboard.press("Escape")
    expect(tab.locator("#drawer")).to_be_hidden()
    expect(tab.locator(f"#open-{item_id(2)}")).to_be_focused()
    expect(tab).to_have_url(re.compile(r"run_id=[^&]+$"))


def test_back_and_forward_move_between_what_was_opened(site: Site, tab: Page) -> None:
    show_finished(site)
    tab.goto(site.report_address())
    tab.locator(".items tbody tr").nth(4).locator(".col-latency").click()
    expect(tab.locator("#drawer-title")).to_have_text("Item 4")

    tab.go_back()
    expect(tab.locator("#drawer")).to_be_hidden()
    tab.go_forward()

    expect(tab.locator("#drawer-title")).to_have_text("Item 4")


def test_pages_and_filters_change_in_place(site: Site, tab: Page) -> None:
    show_finished(site)
    tab.goto(site.report_address())
    tab.evaluate("window.samePage = true")

    tab.locator("#next-page").click()
    expect(tab.locator(".items tbody .col-number").first).to_have_text("10")
    tab.locator(".choices").get_by_role("link", name="Errored").click()
    expect(tab.locator(".items tbody tr")).to_have_count(3)

    assert tab.evaluate("window.samePage")
    expect(tab.locator("#announce")).to_have_text("3 of 3 items")


def test_a_program_is_copied_as_it_stands_and_the_section_is_marked(site: Site, tab: Page) -> None:
    show_finished(site)
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto(site.report_address())

    tab.get_by_role("link", name="Configuration").click()
    tab.get_by_role("button", name="Copy Python").click()

    expect(tab.locator("#announce")).to_have_text("Copied")
    expect(tab.locator("#sections [aria-current]")).to_have_text("Configuration")
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied == tab.locator("#repeat-python").text_content()


def test_a_running_report_follows_the_run_to_its_end(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("queued"), [])
    tab.goto(site.report_address())
    expect(tab.locator("#state")).to_have_text("Queued")

    site.show(eval_object(), run_object("in_progress", passed=20), output_items(20, 0, 0))
    expect(tab.locator("#state")).to_have_text("In progress")
    expect(tab.locator(".live .status.pass")).to_have_text("20 passed")
    expect(tab.locator("#announce")).to_have_text("in progress, 50 % done")
    site.show(eval_object(), run_object("completed", passed=40), output_items(40, 0, 0))
    expect(tab.locator("#state")).to_have_text("Completed")

    expect(tab.locator("#cancel")).to_have_count(0)


def test_a_report_stops_following_when_the_run_is_final(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("in_progress", passed=4), output_items(4, 0, 0))
    tab.clock.install()
    tab.goto(site.report_address())

    site.show(eval_object(), run_object("completed", passed=40), output_items(40, 0, 0))
    expect(tab.locator("#state")).to_have_text("Completed")
    tab.clock.run_for(60_000)

    assert followed(site, tab) == 1


def test_a_report_without_events_asks_for_the_page_instead(site: Site, tab: Page) -> None:
    tab.route("**/live?*", lambda route: route.fulfill(status=204))
    site.show(eval_object(), run_object("in_progress", passed=4), output_items(4, 0, 0))
    tab.goto(site.report_address())

    site.show(eval_object(), run_object("completed", passed=40), output_items(40, 0, 0))

    expect(tab.locator("#state")).to_have_text("Completed")
    expect(tab.locator(".items tbody tr")).to_have_count(4)


def test_an_unchanged_part_is_left_as_the_reader_has_it(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("in_progress", passed=2), output_items(2, 0, 0))
    tab.goto(site.report_address())
    tab.evaluate("document.getElementById('head').mark = true")

    site.show(eval_object(), run_object("in_progress", passed=3), output_items(3, 0, 0))
    expect(tab.locator(".live .status.pass")).to_have_text("3 passed")

    assert tab.evaluate("document.getElementById('head').mark")


def test_an_open_item_and_the_focus_survive_updates(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("in_progress", passed=4), output_items(4, 0, 0))
    tab.goto(site.report_address(item=item_id(1)))
    tab.locator(".raw summary").click()

    site.show(eval_object(), run_object("in_progress", passed=6), output_items(6, 0, 0))
    expect(tab.locator(".live .status.pass")).to_have_text("6 passed")

    expect(tab.locator(".raw pre")).to_be_visible()
    expect(tab.locator(".raw summary")).to_be_focused()


def test_rows_stay_as_they_are_until_the_reader_asks_for_the_new_ones(
    site: Site, tab: Page
) -> None:
    site.show(eval_object(), run_object("in_progress", passed=4), output_items(4, 0, 0))
    tab.goto(site.report_address())
    rows = tab.locator(".items tbody tr")
    rows.first.evaluate("row => row.mark = true")

    site.show(eval_object(), run_object("in_progress", passed=6), output_items(6, 0, 0))
    expect(tab.locator("#new-items")).to_have_text("Show 2 new items")
    assert rows.first.evaluate("row => row.mark")
    expect(rows).to_have_count(4)
    tab.locator("#new-items").click()

    expect(rows).to_have_count(6)
    expect(tab.locator("#new-items")).to_be_hidden()


def test_the_first_rows_appear_by_themselves(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("queued"), [])
    tab.goto(site.report_address())

    site.show(eval_object(), run_object("in_progress", passed=4), output_items(4, 0, 0))

    expect(tab.locator(".items tbody tr")).to_have_count(4)


def test_what_the_reader_has_selected_changes_later(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("in_progress", passed=4), output_items(4, 0, 0))
    tab.goto(site.report_address())
    tab.evaluate("getSelection().selectAllChildren(document.getElementById('progress'))")

    site.show(eval_object(), run_object("in_progress", passed=6), output_items(6, 0, 0))
    expect(tab.locator("#summary")).to_contain_text("100.0%")
    expect(tab.locator(".live .status.pass")).to_have_text("4 passed")
    tab.evaluate("getSelection().removeAllRanges()")

    expect(tab.locator(".live .status.pass")).to_have_text("6 passed")


def test_a_hidden_tab_follows_nothing_and_a_shown_one_goes_on(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("in_progress", passed=4), output_items(4, 0, 0))
    tab.goto(site.report_address())
    until(lambda: followed(site, tab) == 1)
    hide(tab, True)

    site.show(eval_object(), run_object("in_progress", passed=6), output_items(6, 0, 0))
    assert followed(site, tab) == 1
    expect(tab.locator(".live .status.pass")).to_have_text("4 passed")
    hide(tab, False)

    expect(tab.locator(".live .status.pass")).to_have_text("6 passed")
    assert followed(site, tab) == 2


@pytest.mark.parametrize("address", ["report", "item", "runs", "evals", "missing"])
def test_nothing_is_wider_than_a_small_phone(site: Site, tab: Page, address: str) -> None:
    long_word = "w" * 300
    items = output_items(5, 2, 1)
    items[3] |= {"datasource_item": {long_word: long_word, "team": long_word}}
    run = run_object("in_progress", passed=5, name=long_word, metadata={long_word: long_word})
    site.show(eval_object(name=long_word), run, items)
    pages = {
        "report": site.report_address(),
        "item": site.report_address(item=item_id(3)),
        "runs": site.report_address().partition("?")[0],
        "evals": site.address + "/",
        "missing": f"{site.address}/evaluations/{long_word}",
    }
    tab.set_viewport_size({"width": 360, "height": 740})

    tab.goto(pages[address])
    tab.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")

    assert tab.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("width", [360, 640, 800, 1000, 1280])
def test_no_column_of_the_items_is_squeezed_away(site: Site, tab: Page, width: int) -> None:
    show_finished(site)
    tab.set_viewport_size({"width": width, "height": 740})

    tab.goto(site.report_address())

    for column in (".col-input", ".col-output"):
        box = tab.locator(f"td{column}").first.bounding_box()
        assert box is not None
        assert box["width"] >= 90


def test_the_theme_follows_the_system_until_the_reader_chooses(site: Site, tab: Page) -> None:
    show_finished(site)
    tab.emulate_media(color_scheme="dark")
    tab.goto(site.report_address())
    assert background(tab) == "rgb(18, 19, 16)"

    tab.locator("#theme").click()
    assert background(tab) == "rgb(247, 246, 242)"
    tab.reload()

    assert background(tab) == "rgb(247, 246, 242)"


def test_landmarks_headings_and_headers_name_the_page(site: Site, tab: Page) -> None:
    show_finished(site)
    tab.goto(site.report_address())

    expect(tab.get_by_role("heading", level=1)).to_have_text("smollm2, prompt v14")
    expect(tab.get_by_role("main")).to_have_count(1)
    expect(tab.get_by_role("banner")).to_have_count(1)
    expect(tab.get_by_role("navigation", name="Breadcrumb")).to_have_count(1)
    expect(tab.get_by_role("region", name="Output items")).to_have_count(1)
    expect(tab.get_by_role("columnheader", name="Expected")).to_have_count(1)
    assert tab.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map((element) => element.id)).size"
        " === document.querySelectorAll('[id]').length"
    )


def test_motion_stops_for_readers_who_ask_for_less(site: Site, tab: Page) -> None:
    site.show(eval_object(), run_object("in_progress"), [])
    tab.emulate_media(reduced_motion="reduce")

    tab.goto(site.report_address())

    expect(tab.locator(".pulse")).to_have_css("animation-name", "none")


def followed(site: Site, tab: Page) -> int:
    """Count how often a page has begun to follow its run, after all that it asked has arrived."""
    tab.evaluate("fetch(location.href).then((answer) => answer.text())")
    return sum("/live" in address for address in site.asked)


def background(tab: Page) -> str:
    color: str = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    return color


def hide(tab: Page, hidden: bool) -> None:
    """Tell the page that its tab went out of sight, or came back."""
    tab.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
