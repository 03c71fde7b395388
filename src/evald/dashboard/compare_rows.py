"""The rows of a comparison as a table: what went in, what each run made of it, what each verdict is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from evald.contract.comparisons import RowKind
from evald.dashboard.addresses import CompareAddresses
from evald.dashboard.criteria import Criterion
from evald.dashboard.item_outline import Mark, input_of, marks_of, output_of
from evald.dashboard.items_columns import USUAL_CRITERIA
from evald.dashboard.reading import ApiObject, text_of
from evald.dashboard.texts import Text, clip
from evald.reports.comparison import ComparedRow, Comparison
from evald.rules.comparison import ROW_KINDS
from evald.rules.text_diff import Stretch, text_diff

CELL_LIMIT: Final = 400
Segment = Literal["all", "regressed", "fixed", "both_failed", "errored", "only", "both_passed"]
SEGMENTS: Final[Mapping[Segment, tuple[str, tuple[RowKind, ...]]]] = {
    "all": ("All", ROW_KINDS),
    "regressed": ("Regressed", ("regressed",)),
    "fixed": ("Fixed", ("fixed",)),
    "both_failed": ("Both failed", ("both_failed",)),
    "errored": ("Errored", ("errored",)),
    "only": ("Only in one", ("only_in_baseline", "only_in_run")),
    "both_passed": ("Both passed", ("both_passed",)),
}
"""What the rows can be narrowed to: its name, and the kinds of rows that it has."""


@dataclass(frozen=True)
class Choice:
    """A choice above the table."""

    label: str
    count: int
    address: str
    is_current: bool


@dataclass(frozen=True)
class OutputCell:
    """What one run made of a row. `address` leads to its details there."""

    status: str
    pieces: tuple[Stretch, ...]
    hidden: int
    """Characters of the output that are left out."""
    is_error_text: bool
    marks: tuple[Mark, ...]
    address: str


@dataclass(frozen=True)
class RowShown:
    """One row. A cell is None in a run that does not have it, or where it is too long for a page."""

    kind: RowKind
    number: int
    other_number: int | None
    """Its number in the other run, where that is another one."""
    input: Text
    baseline: OutputCell | None
    run: OutputCell | None


@dataclass(frozen=True)
class Items:
    """The output items behind the rows shown, of both runs, by their row numbers."""

    baseline_id: str
    run_id: str
    of_baseline: Mapping[int, ApiObject]
    of_run: Mapping[int, ApiObject]


def segment_of(text: str | None) -> Segment:
    """Give the part of the rows that an address asks for: all of them if it does not say."""
    return next((known for known in SEGMENTS if known == text), "all")


def choices_of(
    comparison: Comparison, current: Segment, addresses: CompareAddresses, against: str
) -> tuple[Choice, ...]:
    """Give the choices above the table, each with its number of rows."""
    return tuple(
        Choice(
            label,
            sum(len(comparison.rows[kind]) for kind in kinds),
            addresses.compare(against=against, rows=segment),
            segment == current,
        )
        for segment, (label, kinds) in SEGMENTS.items()
    )


def rows_shown(
    rows: Sequence[ComparedRow],
    items: Items,
    criteria: Sequence[Criterion],
    addresses: CompareAddresses,
) -> tuple[RowShown, ...]:
    """Give the rows of a page, with the words marked in which two outputs differ."""
    return tuple(_row(row, items, criteria, addresses) for row in rows)


def _row(
    row: ComparedRow, items: Items, criteria: Sequence[Criterion], addresses: CompareAddresses
) -> RowShown:
    one = None if row.baseline is None else items.of_baseline.get(row.baseline)
    other = None if row.run is None else items.of_run.get(row.run)
    texts = [output_of(item) if item is not None else ("", False) for item in (one, other)]
    both = one is not None and other is not None and not any(broken for _, broken in texts)
    shown = [clip(text, CELL_LIMIT) for text, _ in texts]
    pieces = side_by_side(shown[0].shown, shown[1].shown, are_compared=both)
    cells = [
        None
        if item is None
        else OutputCell(
            status=text_of(item.get("status")),
            pieces=pieces[place],
            hidden=shown[place].hidden,
            is_error_text=texts[place][1],
            marks=marks_of(item, criteria)[:USUAL_CRITERIA],
            address=addresses.report(run_id, text_of(item.get("id"))),
        )
        for place, (item, run_id) in enumerate([(one, items.baseline_id), (other, items.run_id)])
    ]
    found = one if one is not None else other
    return RowShown(
        kind=row.kind,
        number=row.key,
        other_number=row.run if row.baseline is not None and row.run != row.baseline else None,
        input=input_of(found, CELL_LIMIT) if found is not None else Text(""),
        baseline=cells[0],
        run=cells[1],
    )


def side_by_side(
    before: str, after: str, *, are_compared: bool = True
) -> tuple[tuple[Stretch, ...], tuple[Stretch, ...]]:
    """Give two texts in pieces, each with what only it has. Where that tells nothing both are whole."""
    found = text_diff(before, after) if are_compared else None
    if found is None:
        return (Stretch("same", before),), (Stretch("same", after),)
    return (
        tuple(each for each in found if each.change != "added"),
        tuple(each for each in found if each.change != "removed"),
    )
