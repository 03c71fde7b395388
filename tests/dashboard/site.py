"""A small HTTP server around the pages: what the product's routes do, over values in memory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from evald.contract.json_types import JsonObject
from evald.dashboard.assets import ASSETS
from evald.dashboard.errors_page import render_not_found
from evald.dashboard.eval_page import EvalPage, render_eval
from evald.dashboard.frame import Frame, known_theme
from evald.dashboard.headers import security_headers
from evald.dashboard.items_query import read_asked
from evald.dashboard.lists import FoundEvals, render_evals
from evald.dashboard.report import (
    ItemsPage,
    ReportPage,
    render_fragment,
    render_live,
    render_report,
    report_page,
)
from evald.rules.eval_filter import EvalFilter
from evald.rules.status import FINAL
from evald.store.eval_lists import RecentRun
from evald.watching.stream import HEADERS, event
from tests.dashboard.samples import ENDPOINT, EVAL_ID, RUN_ID, STARTED, recent_run

PAGE_SIZE = 10


class Site:
    """What the pages show; a test changes it while a browser looks. `posts` are forms received."""

    def __init__(self) -> None:
        self.eval_object: JsonObject = {}
        self.run: JsonObject = {}
        self.items: list[JsonObject] = []
        self.now: float | None = None
        self.address = ""
        self.posts: list[tuple[str, str | None]] = []
        self.asked: list[str] = []
        self.changed = threading.Condition()
        self.is_closed = False
        self.shown = 0  # how often something else was

    def show(self, eval_object: JsonObject, run: JsonObject, items: list[JsonObject]) -> None:
        """Put another report on the pages."""
        with self.changed:
            self.eval_object, self.run, self.items = eval_object, run, items
            self.shown += 1
            self.changed.notify_all()

    def close(self) -> None:
        """Let those go who follow the run."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def events(self) -> Iterator[bytes]:
        """Give what a page that follows the run is sent, whenever something else is shown."""
        told, is_final = 0, False
        while not self.is_closed and not is_final:
            with self.changed:
                self.changed.wait_for(partial(self._is_newer, told))
                told, is_final = self.shown, self.run["status"] in FINAL
                html = render_live(self.report({}, ""))
            yield event("parts", html.encode())
        yield event("end", b"{}")

    def _is_newer(self, told: int) -> bool:
        return self.is_closed or self.shown > told

    def recent(self) -> list[RecentRun]:
        """Give the run as the lists tell of it."""
        return [recent_run(name=str(self.run["name"]), model=str(self.run["model"]))]

    def report_address(self, **parameters: str) -> str:
        """Give the report's address with query parameters added."""
        query = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"{self.address}/evaluations/{EVAL_ID}?run_id={RUN_ID}{query}"

    def report(self, query: dict[str, str], theme: str) -> ReportPage:
        """Give the report that a query asks for."""
        asked = read_asked(list(query.items()), 2)
        status = asked.query.status
        matching = [item for item in self.items if status in (None, item["status"])]
        ids = [str(item["id"]) for item in matching]
        start = ids.index(query["after"]) + 1 if "after" in query else 0
        shown = matching[start : start + PAGE_SIZE]
        return report_page(
            eval_object=self.eval_object,
            run=self.run,
            items=shown,
            page=ItemsPage(
                shown=len(shown),
                total=len(matching),
                asked=asked,
                next_after=ids[start + PAGE_SIZE - 1] if start + PAGE_SIZE < len(ids) else None,
            ),
            selected=next((item for item in self.items if item["id"] == query.get("item")), None),
            frame=Frame("../", known_theme(theme)),
            now=self.now,
        )

    def page(self, path: str, query: dict[str, str], theme: str) -> str:
        """Give the HTML of an address."""
        frame = Frame("../", known_theme(theme))
        if path == "/":
            return render_evals(
                FoundEvals(
                    evals=[self.eval_object],
                    recent={EVAL_ID: self.recent()},
                    wanted=EvalFilter(query.get("q", "")),
                ),
                frame=Frame("./", known_theme(theme)),
                endpoint=ENDPOINT,
                now=STARTED,
            )
        if path != f"/evaluations/{EVAL_ID}":
            return render_not_found("eval", asked_id=path.rpartition("/")[2], frame=frame)
        if "run_id" not in query:
            page = EvalPage(self.eval_object, runs=[self.run], recent=self.recent())
            return render_eval(page, frame=frame, endpoint=ENDPOINT, now=STARTED)
        report = self.report(query, theme)
        return render_fragment(report) if "fragment" in query else render_report(report)


@contextmanager
def serving() -> Iterator[Site]:
    """Serve a site on a free port of this machine until the block ends."""
    site = Site()
    handler = type("SiteRequests", (_Requests,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        site.close()
        server.shutdown()
        thread.join()
        server.server_close()


class _Requests(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        address = urlsplit(self.path)
        if address.path.startswith("/static/"):
            asset = ASSETS[address.path.rpartition("/")[2]]
            self._answer(asset.content, asset.media_type)
            return
        if address.path.endswith("/live"):
            self._follow()
            return
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        theme = (self.headers.get("cookie") or "").partition("theme=")[2]
        self._answer(
            self.site.page(address.path, query, theme).encode(), "text/html; charset=utf-8"
        )

    def do_POST(self) -> None:
        self.site.posts.append((self.path, self.headers.get("origin")))
        self.site.run = self.site.run | {"status": "canceled"}
        self.send_response(303)
        self.send_header("location", self.site.report_address())
        self.send_header("content-length", "0")
        self.end_headers()

    def _follow(self) -> None:
        self.send_response(200)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # the page has left
            for text in self.site.events():
                self.wfile.write(text)

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        for name, value in security_headers().items():
            self.send_header(name, value)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by its base)
        """Say nothing."""
