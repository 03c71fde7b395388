"""The rows of a comparison as a list, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass

from evald.contract.comparisons import RowKind
from evald.errors import BadRequest
from evald.reports.comparison import ComparedRow, Comparison


@dataclass(frozen=True)
class RowsPage:
    """Some rows of a comparison, and whether there are more behind them."""

    rows: Sequence[ComparedRow]
    has_more: bool

    def numbers(self, *, of_baseline: bool) -> list[int]:
        """Give the numbers that the rows have in one of the runs."""
        found = [row.baseline if of_baseline else row.run for row in self.rows]
        return [number for number in found if number is not None]


def page_of_rows(
    comparison: Comparison, kinds: Sequence[RowKind], after: str | None, limit: int
) -> RowsPage:
    """Give the rows of these kinds behind the row of an id. Raises BadRequest on a broken id."""
    place = None if after is None else _place(after, kinds)
    found = comparison.behind(kinds, place, limit + 1)
    return RowsPage(found[:limit], len(found) > limit)


def row_id(row: ComparedRow) -> str:
    """Give what a row is called in a list: `regressed-17`, by the number that it is listed by."""
    return f"{row.kind}-{row.key}"


def _place(after: str, kinds: Sequence[RowKind]) -> tuple[RowKind, int]:
    word, _, number = after.rpartition("-")
    kind = next((known for known in kinds if known == word), None)
    if kind is None or not (number.isascii() and number.isdigit() and len(number) < 19):
        raise BadRequest(
            f"No row found with id '{after[:80]}' in this list.",
            param="after",
            code="invalid_value",
        )
    return kind, int(number)
