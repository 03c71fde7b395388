"""What is around every page: where it stands on the site, how it looks, and who reads it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

THEMES = ("light", "dark")

Did = Literal["cancel", "resume", "retry", "delete", "share", "revoke", ""]
_DID: Final[tuple[Did, ...]] = get_args(Did)

Place = Literal["evals", "files", "settings", ""]


@dataclass(frozen=True)
class Frame:
    """The frame of one page."""

    root: str
    """The way from the page to the server's root: `./` or some `../`."""
    theme: str = ""
    """`light`, `dark`, or empty to follow the reader's system."""
    signed_in_to: str = ""
    """The project of a reader who has signed in, or empty on an open server."""
    place: Place = "evals"
    """The part of the site that the main navigation marks as the current one."""
    share: str = ""
    """The token of the share link by which the page is read, or empty. Such a page leads nowhere."""
    did: Did = ""
    """The act that led the reader here, which the page then tells of."""
    refusal: str = ""
    """Why an act was refused, or empty."""


def known_theme(theme: str) -> str:
    """Give `light` or `dark`, or an empty text (follow the system) for anything else."""
    return theme if theme in THEMES else ""


def known_act(did: str) -> Did:
    """Give one of the acts, or an empty text for anything else."""
    return next((each for each in _DID if each == did), "")
