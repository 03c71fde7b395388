"""The pages for an address that leads nowhere, and for what is refused."""

from typing import Literal

from evald.dashboard.addresses import evals_address
from evald.dashboard.frame import Frame
from evald.dashboard.headers import security_headers
from evald.dashboard.rendering import render
from evald.dashboard.texts import clip

_ID_LIMIT = 120
_WHY_LIMIT = 500


def render_not_found(
    what: Literal["eval", "run", "item", "file", "page"],
    *,
    asked_id: str,
    frame: Frame,
) -> str:
    """Give the page that says there is no such eval, run, item, file or page."""
    return render(
        "not_found.html",
        frame,
        what=what,
        asked_id=clip(asked_id, _ID_LIMIT).shown,
        evals_address=evals_address(frame.root),
    )


def refused_page(path: str, why: str) -> tuple[bytes, dict[str, str]]:
    """Give the page under a path that says why a request was refused, and its headers."""
    root = "../" * (path.count("/") - 1) or "./"
    html = render("refused.html", Frame(root), why=clip(why, _WHY_LIMIT).shown, evals_address=root)
    return html.encode("utf-8", "replace"), security_headers()
