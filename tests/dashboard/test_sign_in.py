"""The sign-in page in a real Chromium, before a real server with keys."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urljoin

import pytest
from playwright.sync_api import Page, expect

from evald.dashboard.sign_in import own_page
from tests.access.commands import MadeKey, make_key
from tests.model_server.client import ModelServer
from tests.runs.making import create_eval, create_run, get_final, rows, sampled
from tests.server import EvaldServer


@pytest.fixture(scope="module")
def key(server: EvaldServer) -> MadeKey:
    return make_key(server.data_dir, "--project", "support", "--name", "reader")


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    server = EvaldServer(tmp_path_factory.mktemp("guarded"), upstream=model_process.url)
    make_key(server.data_dir)
    with server:
        yield server


@pytest.fixture(scope="module")
def report_url(server: EvaldServer, key: MadeKey) -> str:
    program = server.with_key(key.secret)
    run = create_run(program, create_eval(program), sampled(rows(3)))
    url: str = get_final(program, run)["report_url"]
    return url


def sign_in(tab: Page, key: str) -> None:
    tab.get_by_label("API key").fill(key)
    tab.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_asks_for_a_key_and_is_shown_with_it(
    tab: Page, key: MadeKey, report_url: str, scheme: str
) -> None:
    tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    tab.goto(report_url)
    expect(tab.locator("h1")).to_have_text("Sign in")
    sign_in(tab, key.secret)

    assert tab.url == report_url
    expect(tab.locator("#items tbody tr")).to_have_count(3)
    expect(tab.locator("header.top")).to_contain_text("support")


def test_a_wrong_key_is_refused_and_the_way_back_is_not_lost(
    tab: Page, complaints: list[str], key: MadeKey, report_url: str
) -> None:
    tab.goto(report_url)

    sign_in(tab, "sk-evald-wrong")
    expect(tab.get_by_role("alert")).to_contain_text("not in force")
    assert tab.get_by_label("API key").input_value() == ""
    sign_in(tab, f" {key.secret} ")

    assert tab.url == report_url
    # Chromium notes the refusal, whose status is 401.
    assert all("401" in each for each in complaints)
    complaints.clear()


def test_the_cookie_holds_no_key_and_no_script_reads_it(
    tab: Page, server: EvaldServer, key: MadeKey, report_url: str
) -> None:
    tab.goto(report_url)
    sign_in(tab, key.secret)
    expect(tab.locator("#items tbody tr")).to_have_count(3)

    (cookie,) = tab.context.cookies()

    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert key.secret not in cookie["value"]
    # Not `evaluate`, which has no end where a page is left at this moment.
    tab.wait_for_function("document.cookie === ''")


def test_a_reader_who_signs_out_is_out(tab: Page, key: MadeKey, report_url: str) -> None:
    tab.goto(report_url)
    sign_in(tab, key.secret)

    tab.get_by_role("button", name="Sign out").click()
    expect(tab.locator("h1")).to_have_text("Sign in")

    assert tab.context.cookies() == []
    tab.goto(report_url)
    expect(tab.locator("h1")).to_have_text("Sign in")


def test_a_reader_sees_one_project_alone(
    tab: Page, complaints: list[str], server: EvaldServer, report_url: str
) -> None:
    other = make_key(server.data_dir, "--project", "other")
    tab.goto(report_url)

    sign_in(tab, other.secret)

    expect(tab.locator("h1")).to_have_text("There is no such run")
    assert all("404" in each for each in complaints)  # Chromium notes it
    complaints.clear()
    tab.goto(server.url)
    expect(tab.locator("main")).to_contain_text("There are no evals yet")


def test_an_item_opens_as_json_for_a_reader(tab: Page, key: MadeKey, report_url: str) -> None:
    tab.goto(report_url)
    sign_in(tab, key.secret)
    tab.locator("#items tbody tr").first.click()

    address = tab.get_by_role("dialog").locator("a[href*='/output_items/']").get_attribute("href")

    assert address
    tab.goto(urljoin(tab.url, address))
    expect(tab.locator("body")).to_contain_text("eval.run.output_item")


def test_signing_in_needs_no_script(
    tab_without_script: Page, key: MadeKey, report_url: str
) -> None:
    tab_without_script.goto(report_url)

    sign_in(tab_without_script, key.secret)

    assert tab_without_script.url == report_url


def test_a_link_on_another_site_leads_a_signed_in_reader_to_the_report(
    tab: Page, key: MadeKey, report_url: str
) -> None:
    tab.goto(report_url)
    sign_in(tab, key.secret)
    expect(tab.locator("#items tbody tr")).to_have_count(3)

    with page_with_link(report_url) as other_site:
        tab.goto(other_site)
        tab.get_by_role("link").click()

        expect(tab.locator("#items tbody tr")).to_have_count(3)


@contextmanager
def page_with_link(address: str) -> Iterator[str]:
    """Serve a page of another site that links to this address, and give its own."""
    html = f'<!doctype html><link rel="icon" href="data:,"><a href="{address}">The report</a>'

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by its base)
            pass

    # A browser may open a connection and ask nothing on it, for which a sole thread would wait for ever.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"  # another site than 127.0.0.1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


OWN = [
    "evaluations/eval_1",
    "evaluations/eval_1?run_id=evalrun_1&status=fail&item=x",
    "evaluations/eval_1/compare?run=evalrun_1&run=evalrun_2",
    "evaluations/eval_1/runs/evalrun_1/again",
    "dashboard/files/file-1",
    "dashboard/settings",
    "?q=triage&meta=team%3Aa",
]
FOREIGN = [
    "",
    "/",
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "evaluations/../..//evil.example",
    "dashboard//evil.example",
    "dashboard/../sign-in",
    "evaluations//evil.example",
    "evaluations/..\\evil",
    "evaluations/x#@evil.example",
    "javascript:alert(1)",
    "evaluations/x\r\nset-cookie: a=b",
    "evaluations/x?next=//evil",
    "evaluations/" + "x" * 3000,
    "sign-in",
    "v1/evals",
]


@pytest.mark.parametrize("address", OWN)
def test_a_page_of_ours_is_one_to_go_back_to(address: str) -> None:
    assert own_page(address) == address


@pytest.mark.parametrize("address", FOREIGN)
def test_nobody_is_led_anywhere_else(address: str) -> None:
    assert own_page(address) == ""


@pytest.mark.parametrize("address", FOREIGN)
def test_signing_in_leads_to_no_other_site(server: EvaldServer, key: MadeKey, address: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    sent = f"key={key.secret}&next={quote(address)}".encode()

    answer = server.ask("POST", "/sign-in", sent, form)

    assert (answer.status, answer.headers["location"]) == (303, "./")


def test_another_site_signs_nobody_in_or_out(server: EvaldServer, key: MadeKey) -> None:
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "origin": "https://elsewhere.example",
    }

    for path in ("/sign-in", "/sign-out"):
        answer = server.ask("POST", path, f"key={key.secret}".encode(), headers)

        assert answer.status == 403
        assert "set-cookie" not in answer.headers


def test_the_pages_of_the_door_have_the_headers_of_all_pages(server: EvaldServer) -> None:
    cross_site = {"sec-fetch-site": "cross-site"}

    for headers in ({}, cross_site):
        answer = server.ask("GET", "/sign-in?next=evaluations/eval_1", headers=headers)

        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_behind_https_the_cookie_goes_over_https_alone(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    public = {"EVALD_PUBLIC_URL": "https://evals.example.org/evald"}
    server = EvaldServer(tmp_path_factory.mktemp("https"), environment=public)
    key = make_key(server.data_dir)
    with server:
        form = {"content-type": "application/x-www-form-urlencoded", "host": "evals.example.org"}
        answer = server.ask("POST", "/sign-in", f"key={key.secret}".encode(), form)

    attributes = {each.strip().lower() for each in answer.headers["set-cookie"].split(";")[1:]}
    # No path: the browser takes that of the page, which here begins with /evald.
    assert attributes == {"max-age=604800", "httponly", "samesite=strict", "secure"}


def test_an_open_server_asks_nobody_to_sign_in(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with EvaldServer(tmp_path_factory.mktemp("open")) as server:
        assert server.ask("GET", "/").status == 200
        answer = server.ask("GET", "/sign-in?next=evaluations/eval_1")
        assert (answer.status, answer.headers["location"]) == (303, "./evaluations/eval_1")
        assert "Sign out" not in server.ask("GET", "/").body.decode()


def test_a_part_of_a_page_is_refused_where_the_page_would_lead_to_the_door(
    server: EvaldServer,
) -> None:
    path = "/evaluations/eval_1?run_id=evalrun_1"

    assert server.ask("GET", f"{path}&fragment=1").status == 401
    answer = server.ask("GET", path)
    assert answer.status == 303
    expected = "../sign-in?next=evaluations%2Feval_1%3Frun_id%3Devalrun_1"
    assert answer.headers["location"] == expected
