"""The page for an address that leads nowhere."""

from typing import Literal

from evald.dashboard.addresses import evals_address
from evald.dashboard.frame import Frame
from evald.dashboard.rendering import render
from evald.dashboard.texts import clip

_ID_LIMIT = 120


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
