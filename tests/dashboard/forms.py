"""The forms of the pages as a browser posts them, over plain HTTP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from tests.server import Answer, EvaldServer


@dataclass(frozen=True)
class Share:
    """A share link: its id, and its path with the token."""

    id: str
    path: str


def page_of(run: Any) -> str:
    """Give the path of a run's pages; those of its acts are below."""
    return f"/evaluations/{run['eval_id']}/runs/{run['id']}"


def report_of(run: Any) -> str:
    """Give the path of a run's report."""
    return f"/evaluations/{run['eval_id']}?run_id={run['id']}"


def post(
    server: EvaldServer, path: str, headers: Mapping[str, str] | None = None, **fields: str
) -> Answer:
    """Post a form."""
    kind = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
    return server.ask("POST", path, urlencode(fields).encode(), {**kind, **(headers or {})})


def followed(server: EvaldServer, path: str, answer: Answer) -> str:
    """Give the HTML to which the answer to a form leads."""
    assert answer.status == 303, answer.body.decode()
    there = urlsplit(urljoin(f"{server.url}{path}", answer.headers["location"]))
    shown = server.ask("GET", f"{there.path}?{there.query}")
    assert shown.status == 200, shown.body.decode()
    return shown.body.decode()


def share(server: EvaldServer, run: Any, days: int = 7) -> Share:
    """Make a share link as a reader does, and give it as the page shows it."""
    path = f"{page_of(run)}/share"
    html = followed(server, path, post(server, path, days=str(days)))
    found = re.search(r'id="link-(\w+)" readonly value="([^"]+)"', html)
    assert found
    return Share(found[1], urlsplit(found[2]).path)
