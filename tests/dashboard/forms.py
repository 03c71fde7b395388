"""The forms of the pages as a browser posts them, over plain HTTP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from tests.server import Answer, EvaldServer

BOUNDARY = "the-end-of-a-part"
KIND = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


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


def send_form(
    server: EvaldServer,
    path: str,
    texts: Mapping[str, str],
    upload: tuple[str, bytes] | None = None,
) -> Answer:
    """Send a form with the texts of its fields, and a file of a name if there is one."""
    parts = [(f'name="{name}"', text.encode()) for name, text in texts.items()]
    if upload is not None:
        parts.append((f'name="upload"; filename="{upload[0]}"', upload[1]))
    body = b"".join(
        f"--{BOUNDARY}\r\ncontent-disposition: form-data; {head}\r\n\r\n".encode() + text + b"\r\n"
        for head, text in parts
    )
    return server.ask("POST", path, body + f"--{BOUNDARY}--\r\n".encode(), KIND)


def page_text(answer: Answer) -> str:
    """Give what a page says, without its tags."""
    in_line = re.sub(r"</?(a|b|bdi|code|span)\b[^>]*>", "", answer.body.decode())
    text = re.sub(r"<[^>]*>", " ", in_line)
    return " ".join(unescape(text).split())


def field_value(answer: Answer, name: str) -> str:
    """Give what is in a field of a page's form."""
    html = answer.body.decode()
    line = re.search(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', html)
    area = re.search(rf'<textarea[^>]* name="{name}"[^>]*>\n([^<]*)</textarea>', html)
    found = line or area
    assert found is not None, f"the page has no field {name}"
    return unescape(found.group(1))
