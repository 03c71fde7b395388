"""The reader: whatever the text, the objects of it and nothing that stops."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evald.archive.reading.archive import Archive
from evald.archive.reading.documents import objects_in
from evald.archive.reading.limits import Limits
from evald.archive.reading.members import Member
from evald.archive.reading.records import Broken, Kind, Record, kind_of
from tests.importing_archive.history import history
from tests.importing_archive.shapes import SHAPES, as_folder
from tests.server import CHECKOUT

MOST = 1 << 20
HUGE_BYTES = 200 * 10**6
LARGEST_RSS_MB = 100
"""Half of it are Python and its modules."""

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(0, 1)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["x", "sample"]), inner, max_size=3)
    ),
    max_leaves=8,
)
ids = st.text("abcdefgh-_", min_size=1, max_size=8)
items = st.fixed_dictionaries(
    {"object": st.just("eval.run.output_item"), "id": ids, "run_id": ids, "a \u2028": values}
)


def read(text: bytes, size: int = MOST, most: int = MOST) -> list[Record | Broken]:
    pieces = (text[at : at + size] for at in range(0, len(text), size))
    return list(objects_in(pieces, "file", most))


def records(text: bytes, size: int = MOST) -> list[object]:
    found = read(text, size)
    assert [each for each in found if isinstance(each, Broken)] == []
    return [each.value for each in found if isinstance(each, Record) and each.kind is Kind.ITEM]


@settings(max_examples=40)
@given(st.lists(items, min_size=1, max_size=4), st.integers(1, 40), st.sampled_from([None, 0, 2]))
def test_objects_are_the_same_wherever_the_text_is_cut_and_however_it_is_folded(
    objects: list[object], size: int, indent: int | None
) -> None:
    for value in (objects, {"object": "list", "data": objects}):
        text = json.dumps(value, indent=indent, ensure_ascii=False)
        assert records(text.encode(), size) == objects
        assert records(text.encode("utf-16"), size) == objects


@settings(max_examples=40)
@given(st.lists(items, min_size=1, max_size=4), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]))
def test_lines_are_read_wherever_the_text_is_cut(
    objects: list[object], size: int, end: str
) -> None:
    text = "".join(json.dumps(each) + end for each in objects).encode()

    assert records(text, size) == objects
    assert records(b"\xef\xbb\xbf" + text, size) == objects


@given(st.lists(items, min_size=2, max_size=4), st.data())
def test_of_half_a_text_what_came_before_is_read(
    objects: list[object], data: st.DataObject
) -> None:
    text = json.dumps({"data": objects}).encode()
    end = data.draw(st.integers(10, len(text) - 1))

    found = read(text[:end])

    whole = [each.value for each in found if isinstance(each, Record) and each.kind is Kind.ITEM]
    assert whole == objects[: len(whole)]
    assert isinstance(found[-1], Broken)
    assert found[-1].reason == "the text is cut off"


@given(
    st.binary(max_size=200)
    | st.text('{}[]":,\\\n abc01\ufeff', max_size=60).map(str.encode)
    | st.text('{}[]":,\\\n abc01', max_size=60).map(lambda text: b"[" + text.encode()),
    st.integers(1, 9),
)
def test_no_text_stops_the_reader_or_is_taken_for_what_it_is_not(text: bytes, size: int) -> None:
    for each in read(text, size, most=40):
        if isinstance(each, Record):
            assert isinstance(json.loads(each.line()), dict)
        else:
            assert each.reason


@given(st.dictionaries(st.sampled_from(["object", "id", "run_id", "item", "reason"]), values))
def test_any_object_is_something(value: dict[str, object]) -> None:
    assert kind_of(value) in Kind


def test_every_shape_holds_the_same(tmp_path: Path) -> None:
    made = history("read")
    for name, shape in SHAPES.items():
        archive = Archive(as_folder(shape(made), tmp_path / name), Limits())
        found = [
            each
            for member in archive.members()
            if isinstance(member, Member) and member.file_name != ".lock"
            for each in archive.records(member)
        ]
        of_kind = [each for each in found if isinstance(each, Record) and each.kind is Kind.ITEM]
        assert {str(each.id) for each in of_kind} == {each["id"] for each in made.items}, name
        assert [each for each in found if isinstance(each, Broken)] == []


def test_an_object_that_is_too_large_is_named_and_those_around_it_are_read() -> None:
    one, other = ({"object": "eval.run.output_item", "id": name} for name in ("one", "other"))
    large = {"object": "eval.run.output_item", "id": "large", "text": "x" * 10_000}
    texts = [
        json.dumps([one, large, other]).encode(),
        json.dumps({"data": [one, large, other]}, indent=1).encode(),
        b"\n".join(json.dumps(each).encode() for each in (one, large, other)),
    ]
    for text in texts:
        found = read(text, size=100, most=1000)

        names = [each.id for each in found if each.id is not None]
        assert names == ["one", "large", "other"]
        broken = [each for each in found if isinstance(each, Broken)]
        assert [each.reason for each in broken] == ["it is larger than an object may be"]


@pytest.mark.parametrize("begin", [b"[", b'{"a":'])
def test_what_is_nested_without_an_end_is_given_up(begin: bytes) -> None:
    pieces = iter([begin * 50_000] * 200)

    [found] = objects_in(pieces, "file", MOST)

    assert isinstance(found, Broken)
    assert found.reason == "it is nested deeper than 1,000 levels"
    assert len(list(pieces)) > 0


def test_json_that_holds_no_object_is_not_called_no_json() -> None:
    found = {text: read(text) for text in (b'"x"', b" 12\n", b"<html>")}

    reasons = {
        text: [getattr(each, "reason", None) for each in said] for text, said in found.items()
    }
    assert reasons == {
        b'"x"': ["it is JSON without an object or a list"],
        b" 12\n": ["it is JSON without an object or a list"],
        b"<html>": ["it is no JSON"],
    }


# Not `ru_maxrss`: a child begins with that of its parent.
HUGE = """
import sys
from pathlib import Path
from evald.archive.reading.archive import Archive
from evald.archive.reading.limits import Limits
archive = Archive(Path(sys.argv[1]), Limits(object_bytes=4 * 2**20))
for member in archive.members():
    for each in archive.records(member):
        print(type(each).__name__, each.id)
[peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.parametrize("begin", [b"[", b""])
def test_an_object_that_is_larger_than_all_memory_may_be_is_read_in_little(
    tmp_path: Path, begin: bytes
) -> None:
    item = b'{"object": "eval.run.output_item", "id": "small"}'
    path = tmp_path / "huge.json"
    with path.open("wb") as file:  # what is between is a hole, and reads as zeros
        file.write(begin + item + (b",\n" if begin else b"\n"))
        file.write(b'{"object": "eval.run.output_item", "id": "huge", "text": "')
        file.seek(HUGE_BYTES)
        file.write(b'"}' + (b",\n" if begin else b"\n") + item + (b"]" if begin else b""))

    child = subprocess.run(
        [sys.executable, "-c", HUGE, str(path)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )

    *found, rss = child.stdout.split("\n")[:-1]
    assert found == ["Record small", "Broken huge", "Record small"]
    assert int(rss) < LARGEST_RSS_MB
