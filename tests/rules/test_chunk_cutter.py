"""Rows are cut into chunks: dense, in order, each row as it was, none larger than it may be."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue
from evald.data_sources import rows
from evald.data_sources.rows import ChunkCutter, inline_chunks
from evald.rules.json_text import parse
from evald.rules.rows import BadRow, RowCheck
from evald.store.chunks import ROWS_A_CHUNK, PackedChunk
from tests.rules.json_values import JSON_OBJECTS, nested

ANYTHING = RowCheck({})


def cut(items: list[JsonObject], batches: list[int] | None = None) -> list[PackedChunk]:
    cutter, begin, found = ChunkCutter(ANYTHING), 0, []
    for size in [*(batches or []), len(items)]:
        taken = items[begin : begin + size]
        found += cutter.take((f"row {begin}", {"item": item}) for item in taken)
        begin += size
    return found + cutter.rest()


def rows_in(chunk: PackedChunk) -> list[JsonValue]:
    return [parse(text) for text in zlib.decompress(chunk.rows).split(b"\n")]


@given(st.lists(JSON_OBJECTS, max_size=20), st.lists(st.integers(0, 8), max_size=5))
def test_the_chunks_hold_every_row_once_in_order(
    items: list[JsonObject], batches: list[int]
) -> None:
    chunks = cut(items, batches)

    assert [row for chunk in chunks for row in rows_in(chunk)] == [{"item": item} for item in items]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (255, [255]), (256, [256]), (257, [256, 1]), (768, [256, 256, 256])],
)
def test_a_chunk_ends_at_256_rows(count: int, sizes: list[int]) -> None:
    chunks = cut([{"n": number} for number in range(count)])

    assert [chunk.row_count for chunk in chunks] == sizes
    assert [chunk.position for chunk in chunks] == list(range(len(sizes)))
    assert [chunk.first_row for chunk in chunks] == [
        sum(sizes[:place]) for place in range(len(sizes))
    ]
    assert ROWS_A_CHUNK == 256


@given(st.lists(st.integers(1, 60), max_size=40))
def test_a_chunk_ends_with_the_row_that_fills_its_bytes(lengths: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "BYTES_A_CHUNK", 100)
        chunks = cut([{"t": "x" * length} for length in lengths])

    texts = [[len(text) for text in zlib.decompress(chunk.rows).split(b"\n")] for chunk in chunks]
    assert all(sum(sizes[:-1]) < 100 for sizes in texts)
    assert all(sum(sizes) >= 100 for sizes in texts[:-1])
    assert [chunk.first_row for chunk in chunks] == [
        sum(map(len, texts[:place])) for place in range(len(texts))
    ]


@given(st.lists(st.integers(0, 300), max_size=4))
def test_the_cutter_counts_the_rows_it_took(batches: list[int]) -> None:
    cutter = ChunkCutter(ANYTHING)

    chunks = [chunk for size in batches for chunk in cutter.take([("row", {"item": {}})] * size)]
    chunks += cutter.rest()

    assert cutter.row_count == sum(batches) == sum(chunk.row_count for chunk in chunks)
    assert cutter.rest() == []


def test_a_row_with_line_breaks_in_its_texts_stays_one_row() -> None:
    item: JsonObject = {"t": "a\nb\r\n\u2028"}

    assert rows_in(cut([item, item])[0]) == [{"item": item}, {"item": item}]


@pytest.mark.parametrize(
    ("item", "reason"), [({"a": nested(254)}, "cannot be kept"), ({"t": "x" * 2000}, "longer than")]
)
def test_a_row_that_cannot_be_kept_is_refused_with_its_place(
    item: JsonObject, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LONGEST_LINE", 1000)

    with pytest.raises(BadRow, match=f"^row 0 .*{reason}"):
        cut([item])


def test_rows_of_a_request_are_named_by_their_place_in_it() -> None:
    content: list[JsonValue] = [{"item": {}}, {"item": {}}, {"item": 5}]

    with pytest.raises(BadRow, match=r"^data_source\.source\.content\[2\]\.item must be an object"):
        inline_chunks(content, ANYTHING)

    chunks, count = inline_chunks(content[:2], ANYTHING)
    assert (len(chunks), count) == (1, 2)
