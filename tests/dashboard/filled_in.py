"""Forms sent to a real server as a browser sends them, without one."""

import re
from collections.abc import Mapping
from html import unescape

from tests.server import Answer, EvaldServer

BOUNDARY = "the-end-of-a-part"
KIND = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


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
