"""The page for an address that leads nowhere."""

from typing import Literal

from evald.dashboard.addresses import evals_address
from evald.dashboard.rendering import known_theme, render
from evald.dashboard.texts import clip

_ID_LIMIT = 120


def render_not_found(
    what: Literal["eval", "run", "item", "page"],
    *,
    asked_id: str,
    theme: str,
    root: str = "../",
    signed_in_to: str = "",
) -> str:
    """Give the page that says there is no such eval, run, item or page.

    `root` leads from the asked address to the server's root: `../` for `/evaluations/{id}`.
    """
    return render(
        "not_found.html",
        root=root,
        theme=known_theme(theme),
        signed_in_to=signed_in_to,
        what=what,
        asked_id=clip(asked_id, _ID_LIMIT).shown,
        evals_address=evals_address(root),
    )
