"""Which paths are for people: the pages, beside the API that programs ask."""

from typing import Final

PAGES: Final = ("/evaluations/", "/dashboard/", "/shared/")
"""What the paths of pages begin with."""
DOOR: Final = frozenset({"/sign-in", "/sign-out"})


def is_page(path: str) -> bool:
    """Say whether a path is one that people open."""
    return path == "/" or path in DOOR or path.startswith(PAGES)
