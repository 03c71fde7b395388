"""Every text of a report is somebody else's: none of it may do anything but be read."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from evald.contract.json_types import JsonObject, JsonValue
from tests.dashboard.samples import eval_object, item_id, output_item, run_object
from tests.dashboard.site import Site

HOSTILE = [
    "<script>alert('ran')</script>",
    "<img src=x onerror=alert('ran')>",
    "\"><svg onload=alert('ran')>",
    "' onfocus='alert(1)' autofocus='",
    "</textarea></title></pre></dialog><iframe srcdoc='<script>parent.alert(1)</script>'>",
    "javascript:alert('ran')",
    "{{ 7 * 7 }}{% raw %}",
    "<style>*{display:none}</style><link rel=stylesheet href=//127.0.0.1/x.css>",
    "<form action=//127.0.0.1><button>Cancel run</button></form>",
    "<base href=//127.0.0.1/><meta http-equiv=refresh content='0;url=//127.0.0.1'>",
    "![picture](http://127.0.0.1/x.png) [link](http://127.0.0.1/)",
]
NOTE_VIOLATIONS = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation",
    (event) => violations.push(event.blockedURI));
"""


def poisoned(value: JsonValue, text: str) -> JsonValue:
    """Give a value with every text that a person could write replaced."""
    if isinstance(value, str):
        return text
    if isinstance(value, list):
        return [poisoned(part, text) for part in value]
    if isinstance(value, dict):
        return {
            key: part if key in ("id", "type", "object", "role") else poisoned(part, text)
            for key, part in value.items()
        }
    return value


def poisoned_object(whole: JsonObject, text: str, *, keep: tuple[str, ...]) -> JsonObject:
    """Give an API object with hostile texts in all fields but those that the API itself sets."""
    return {key: value if key in keep else poisoned(value, text) for key, value in whole.items()}


def judgement(text: str) -> str:
    """Give what a judge writes, in the form that is shown step by step."""
    steps = [{"description": text, "conclusion": text}]
    return json.dumps({"steps": steps, "result": text})


def poisoned_report(text: str) -> tuple[JsonObject, JsonObject, JsonObject]:
    """Give an eval, a run and an item whose every text is hostile."""
    error: JsonObject = {"code": text, "message": text}
    item = output_item(
        0,
        "error",
        datasource_item={"ticket": text, text: text, "team": text},
        results=[
            {"name": text, "passed": False, "score": 0, "error": error, "type": text},
            {"name": text, "passed": True, "score": 1, "sample": {"output": [{"content": text}]}},
            {
                "name": text,
                "passed": True,
                "score": 1,
                "label": text,
                "sample": {"output": [{"content": judgement(text)}]},
            },
            {
                "name": text,
                "type": "python",
                "passed": False,
                "score": 0,
                "error": error,
                "sample": {"output": [{"role": text, "content": text}], "traceback": text},
            },
            {
                "name": text,
                "passed": True,
                "score": 1,
                "sub_results": {
                    text: {"score": 1, "sample": {"output": [{"content": judgement(text)}]}},
                    f"{text} 2": {"error": error, "type": text},
                },
            },
        ],
        sample={
            "input": [{"role": text, "content": text}, {"role": "user", "content": [text]}],
            "output": [
                {
                    "role": "assistant",
                    "content": [{"type": "image_url", "image_url": {"url": text}}],
                    "tool_calls": [{"function": {"name": text, "arguments": text}}],
                }
            ],
            "finish_reason": text,
            "model": text,
            "error": error,
        },
    )
    run = run_object("failed", errored=1, error=error, metadata={text: text})
    keep = ("id", "status", "eval_id", "per_testing_criteria_results")
    return (
        poisoned_object(eval_object(), text, keep=("id",)),
        poisoned_object(run, text, keep=keep),
        item,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_in_every_field_is_only_read(
    site: Site, tab: Page, complaints: list[str], text: str
) -> None:
    whole, run, item = poisoned_report(text)
    site.show(whole, run, [item])
    tab.add_init_script(NOTE_VIOLATIONS)
    tab.on("request", lambda request: note_stranger(request.url, site, complaints))

    said, name = quote(text), quote(f"f.{text}")
    tab.goto(site.report_address(item=item_id(0), q=said, columns=name, **{name: said}))
    open_everything(tab)

    assert tab.evaluate("window.violations") == []
    assert tab.inner_text("h1") == text
    assert [chip[:80] for chip in tab.locator(".condition b").all_inner_texts()] == [text[:80]] * 2
    assert tab.get_attribute("td.col-field", "data-label") == text[:60]
    assert text in tab.inner_text("#drawer .message.user")
    assert text in tab.inner_text("#drawer .steps .conclusion")
    assert tab.inner_text("#drawer .program").count(text) == 2
    assert elements_of_data(tab) == 0


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("path", ["/", "/evaluations/eval_0123456789abcdef0123456789abcdef"])
def test_a_hostile_name_in_a_list_is_only_read(site: Site, tab: Page, text: str, path: str) -> None:
    whole, run, _ = poisoned_report(text)
    site.show(whole, run, [])
    tab.add_init_script(NOTE_VIOLATIONS)

    tab.goto(site.address + path)

    assert tab.evaluate("window.violations") == []
    assert tab.inner_text("tbody th bdi") == text
    assert elements_of_data(tab) == 0


def test_hostile_texts_that_arrive_while_the_page_is_open_are_only_read(
    site: Site, tab: Page
) -> None:
    text = HOSTILE[1]
    whole, run, item = poisoned_report(text)
    site.show(eval_object(), run_object("in_progress"), [])
    tab.add_init_script(NOTE_VIOLATIONS)
    tab.goto(site.report_address())

    site.show(whole, run, [item])
    tab.wait_for_selector("table.items")

    assert tab.evaluate("window.violations") == []
    assert tab.inner_text("h1") == text
    assert elements_of_data(tab) == 0


@pytest.mark.parametrize(
    "open_page",
    [
        lambda site: site.report_address(item=item_id(0)),
        lambda site: site.address + "/",
        lambda site: site.address + "/evaluations/%3Cimg%20src=x%20onerror=alert(1)%3E",
    ],
)
def test_a_page_has_no_inline_script_style_or_handler(
    site: Site, tab: Page, open_page: Callable[[Site], str]
) -> None:
    item = output_item(0, "pass")
    site.show(eval_object(), run_object("in_progress", passed=1), [item])

    tab.goto(open_page(site))

    found = tab.evaluate(
        """[...document.querySelectorAll("*")].filter((element) =>
          element.matches("style, script:not([src]), [style]") ||
          [...element.attributes].some((attribute) => attribute.name.startsWith("on"))
        ).map((element) => element.outerHTML)"""
    )
    assert found == []


def open_everything(tab: Page) -> None:
    """Unfold every `details`, so that hidden parts are laid out too."""
    tab.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")


def elements_of_data(tab: Page) -> int:
    """Count the elements that only data could have put on the page."""
    count: int = tab.evaluate(
        "document.querySelectorAll('img, iframe, object, embed, base, style, textarea,"
        ' a[href^="javascript:"], a[href^="http"], body [onerror], body [onload],'
        ' script:not([src$=".js"]):not([src*="app.js"])\').length'
    )
    return count


def note_stranger(url: str, site: Site, complaints: list[str]) -> None:
    """Complain of a request that leaves the site."""
    if not url.startswith((site.address, "data:")):
        complaints.append(f"asked {url}")
