"""JSONL bytes become rows: the same ones however the bytes arrive, each with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonValue
from evald.data_sources import rows
from evald.data_sources.rows import LineReader
from evald.rules.json_text import dump_bytes
from evald.rules.rows import BadRow
from tests.rules.json_values import JSON_VALUES

Rows = list[tuple[str, JsonValue]]
LINES = st.lists(
    st.one_of(JSON_VALUES.map(dump_bytes), st.sampled_from([b"", b" ", b"\t", b" [1] "])),
    max_size=12,
)
ENDS = st.sampled_from([b"\n", b"\r\n"])
BOM = b"\xef\xbb\xbf"


def read(*parts: bytes) -> Rows:
    reader = LineReader()
    found = [row for part in parts for row in reader.feed(part)]
    return found + reader.end()


@given(LINES, ENDS, st.booleans(), st.data())
def test_any_split_of_the_bytes_gives_the_same_rows(
    lines: list[bytes], end: bytes, ends_open: bool, data: st.DataObject
) -> None:
    text = end.join([*lines, *([] if ends_open else [b""])])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))

    parts = [text[begin:stop] for begin, stop in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert read(*parts) == read(text) == read(*(bytes([byte]) for byte in text))


@given(st.lists(JSON_VALUES | st.none(), max_size=12), ENDS)
def test_every_row_has_the_number_of_its_line(values: list[JsonValue], end: bytes) -> None:
    text = end.join(dump_bytes(value) for value in values)

    assert read(text) == [(f"line {place}", value) for place, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", []),
        (b"\n\n\r\n", []),
        (b"1", [("line 1", 1)]),
        (b"1\n", [("line 1", 1)]),
        (b"1\r\n2\r\n", [("line 1", 1), ("line 2", 2)]),
        (b"\n\n1\n \n2", [("line 3", 1), ("line 5", 2)]),
        (BOM, []),
        (BOM + b"1\n2", [("line 1", 1), ("line 2", 2)]),
        (BOM + b"\n1", [("line 2", 1)]),
        ('"\u2028\u2029\u0085"\n1'.encode(), [("line 1", "\u2028\u2029\u0085"), ("line 2", 1)]),
        (rb'"a\nb"', [("line 1", "a\nb")]),
    ],
)
def test_only_a_newline_ends_a_line_and_blank_ones_count(text: bytes, found: Rows) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"{\n", 1),
        (b'{"a": 1}\n\n{"a": \n', 3),
        (b"1\n2\n3 4", 3),
        (b"1\n" + BOM + b"2\n", 2),
        (b'1\n"\xff"\n', 2),
        (b"1\r2\n", 1),
        (b"[1,\n2]", 1),
        (b"1\n[NaN]", 2),
        (b"[" * 2000, 1),
    ],
)
def test_a_broken_line_is_refused_with_its_number(text: bytes, line: int) -> None:
    with pytest.raises(BadRow, match=f"^line {line} is not valid JSON: ."):
        read(text)


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "LONGEST_LINE", 1000)
    reader = LineReader()
    reader.feed(b"1\n2\n" + b"x" * 900)

    with pytest.raises(BadRow, match=r"^line 3 is longer than 1000 bytes"):
        reader.feed(b"x" * 200)
