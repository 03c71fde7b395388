"""The one style sheet and the one script of the pages, and their addresses.

The style sheet is kept as a file for each part of the site, and served as one. Their order does not
matter beyond that `base.css`, with the colours and the common parts, comes first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Asset:
    """A file that pages refer to."""

    content: bytes
    media_type: str
    version: str
    """What its address ends with. It changes with the content."""


def static_address(root: str, name: str) -> str:
    """Give a static file's address. It changes with the content, so it may be cached for ever."""
    return f"{root}static/{name}?v={ASSETS[name].version}"


def _style_sheet() -> bytes:
    files = sorted(
        (_HERE / "styles").glob("*.css"), key=lambda file: (file.stem != "base", file.stem)
    )
    return b"\n".join(file.read_bytes() for file in files)


def _asset(content: bytes, media_type: str) -> Asset:
    return Asset(content, f"{media_type}; charset=utf-8", sha256(content).hexdigest()[:12])


ASSETS: Final[Mapping[str, Asset]] = {
    "app.css": _asset(_style_sheet(), "text/css"),
    "app.js": _asset((_HERE / "scripts" / "app.js").read_bytes(), "text/javascript"),
}
"""By name, as they are served under `/static/`."""
