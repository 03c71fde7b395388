"""Output items as Parquet: typed columns, in row groups of a bounded size."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from io import RawIOBase
from typing import Any, Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.errors import BadRequest
from evald.reports.columns import Column, Kind
from evald.reports.values import json_of, parsed_item, text_of

MOST_ROWS: Final = 50_000
MOST_CHARACTERS: Final = 16 * 2**20
"""Of the cells in one row group, where there is more than one row."""
MOST_OF_ROW: Final = 64 * 2**20
"""Characters of the cells of one row. A row is written at once, and an item can be in many of them."""
_OF_ANY_CELL: Final = 8
"""What a cell without a text counts."""
INSTALL: Final = "python -m pip install 'pyarrow>=22'"


@cache
def is_installed() -> bool:
    """Say whether the library that writes Parquet is there, without loading it."""
    return find_spec("pyarrow") is not None


class Parquet:
    """A Parquet file that is written bit by bit."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Load the library, which takes a moment. Raises BadRequest where it is not installed."""
        try:
            import pyarrow as pa
            from pyarrow import parquet as pq
        except ImportError:
            raise BadRequest(
                "This server cannot write Parquet: the extra 'parquet' is not installed. In the "
                f"Python environment of evald, run: {INSTALL}",
                param="format",
                code="parquet_not_installed",
            ) from None
        self._pa: Any = pa
        kinds = {
            "text": pa.string(),
            "integer": pa.int64(),
            "number": pa.float64(),
            "truth": pa.bool_(),
        }
        self._schema = pa.schema([(column.name, kinds[column.kind]) for column in columns])
        self._columns = [(column.name, column.value, _FITTED[column.kind]) for column in columns]
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._misfits: Counter[str] = Counter()
        self._rows: list[list[Any]] = [[] for _ in columns]
        self._characters = 0

    def begin(self) -> bytes:
        """Give the bytes before the first row group."""
        return self._sink.taken()

    def take(self, texts: Sequence[str]) -> Iterator[bytes]:
        """Take these items, and give the row groups that are full.

        Raises BadRequest at an item of which the columns hold too much.
        """
        for item in map(parsed_item, texts):
            self._characters += self._add(item)
            if self._characters >= MOST_CHARACTERS or len(self._rows[0]) >= MOST_ROWS:
                self._write_group()
                yield self._sink.taken()

    def _add(self, item: JsonObject) -> int:
        """Add a row, and give the size of its cells."""
        size = 0
        for cells, (name, value, fitted) in zip(self._rows, self._columns, strict=True):
            found = value(item)
            cell = fitted(found)
            cells.append(cell)
            size += _OF_ANY_CELL
            if isinstance(cell, str):
                size += len(cell)
                if size > MOST_OF_ROW:
                    raise BadRequest(
                        f"The item in row {item.get('datasource_item_id')} has more than "
                        f"{MOST_OF_ROW:,} characters in these columns, too many for Parquet; "
                        "choose fewer columns, or another format.",
                        param="columns",
                        code="invalid_value",
                    )
            elif cell is None and found is not None:
                self._misfits[name] += 1
        return size

    def end(self) -> bytes:
        """Give the last row group, and the end of the file."""
        if self._rows[0]:
            self._write_group()
        self._writer.add_key_value_metadata({"evald.misfits": json_of(dict(self._misfits))})
        self._writer.close()
        return self._sink.taken()

    def _write_group(self) -> None:
        arrays = [
            self._pa.array(cells, field.type)
            for cells, field in zip(self._rows, self._schema, strict=True)
        ]
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = [[] for _ in self._columns]
        self._characters = 0


class _Sink(RawIOBase):
    """A file of which what was written is taken away, so that it is never whole in memory."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._size += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _as_text(value: JsonValue) -> str | None:
    return None if value is None else text_of(value)


def _as_integer(value: JsonValue) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_fit = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    return value if is_fit and isinstance(value, int) else None


def _as_number(value: JsonValue) -> float | None:
    """Give a number that a double holds exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and (abs(value) >= 2**1023 or int(float(value)) != value):
        return None
    return float(value)


def _as_truth(value: JsonValue) -> bool | None:
    return value if isinstance(value, bool) else None


_FITTED: Final[Mapping[Kind, Callable[[JsonValue], Any]]] = {
    "text": _as_text,
    "integer": _as_integer,
    "number": _as_number,
    "truth": _as_truth,
}
"""For each kind the function that gives a value as one of it, or None."""
