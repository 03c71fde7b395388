"""What is around every page: where it stands on the site, how it looks, and who reads it."""

from dataclasses import dataclass
from typing import Literal

THEMES = ("light", "dark")

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


def known_theme(theme: str) -> str:
    """Give `light` or `dark`, or an empty text (follow the system) for anything else."""
    return theme if theme in THEMES else ""
