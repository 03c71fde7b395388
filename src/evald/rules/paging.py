"""What a list request asks for (contract section 1.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from evald.errors import BadRequest

Word = TypeVar("Word", bound=str)

Order = Literal["asc", "desc"]

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page of a list: at most `limit` objects, those behind the object `after`."""

    after: str | None
    limit: int
    order: Order


def page_request(
    after: str | None,
    limit: str | None,
    order: str | None,
    *,
    default_limit: int = DEFAULT_LIMIT,
    max_limit: int = MAX_LIMIT,
    default_order: Order = "asc",
) -> PageRequest:
    """Read the query of a list. A limit above the maximum is taken as the maximum.

    Raises BadRequest when the limit is no positive integer or the order is unknown.
    """
    return PageRequest(
        after=after or None,
        limit=min(default_limit if limit is None else positive(limit), max_limit),
        order=one_of(order, ("asc", "desc"), "order", default_order),
    )


def page_of(ids: Sequence[str], page: PageRequest) -> tuple[list[int], bool]:
    """Give the positions on one page of a list that is at hand, and whether more follow.

    Raises BadRequest when `after` is no id of this list.
    """
    positions = list(range(len(ids)))
    if page.order == "desc":
        positions.reverse()
    if page.after is not None:
        if page.after not in ids:
            raise unknown_after(page.after)
        positions = positions[positions.index(ids.index(page.after)) + 1 :]
    return positions[: page.limit], len(positions) > page.limit


def unknown_after(after: str) -> BadRequest:
    """Give the error of an `after` that is no id of its list."""
    return BadRequest(
        f"after: there is no '{after[:80]}' in this list.", param="after", code="invalid_value"
    )


def positive(text: str) -> int:
    """Give the limit that a query parameter holds. Raises BadRequest when it is no positive integer."""
    digits = text.lstrip("0")[:19]  # as many as it takes to be beyond every limit
    if not (text.isascii() and text.isdecimal() and digits):
        raise BadRequest(
            f"limit must be a positive integer, not {text[:40]!r}.",
            param="limit",
            code="invalid_value",
        )
    return int(digits)


def one_of(text: str | None, known: Sequence[Word], param: str, default: Word) -> Word:
    """Give the known word that a query parameter holds. Raises BadRequest for any other."""
    if text is None or text == "":
        return default
    for word in known:
        if word == text:
            return word
    raise BadRequest(
        f"{param} must be one of {', '.join(known)}, not {text[:40]!r}.",
        param=param,
        code="invalid_value",
    )
