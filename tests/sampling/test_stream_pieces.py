"""A stream put together: the same whatever pieces its bytes come in."""

from contextlib import suppress
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue
from evald.sampling.stream import LONGEST_LINE, Assembly, BrokenStream, EventLines, StreamError

PAYLOADS = st.lists(st.binary(max_size=20).filter(lambda text: b"\n" not in text), max_size=8)
ENDS = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\n"])


LEAVES: st.SearchStrategy[JsonValue] = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3)
)


def either(kind: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    """Give what should be there, or anything else."""
    return kind | LEAVES | st.lists(LEAVES, max_size=2)


def some(**known: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    """Give an object with some of these keys, each with what belongs there or anything else."""
    return either(st.fixed_dictionaries({}, optional={k: either(v) for k, v in known.items()}))


def several(inner: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    """Give a list, or anything else."""
    return either(st.lists(inner, max_size=3))


TOOL_CALL = some(index=LEAVES, id=LEAVES, function=some(name=LEAVES, arguments=LEAVES))
DELTA = some(content=LEAVES, tool_calls=several(TOOL_CALL), audio=some(data=LEAVES), other=LEAVES)
CHOICE = some(index=LEAVES, delta=DELTA, finish_reason=LEAVES)
CHUNK = some(id=LEAVES, choices=several(CHOICE), usage=LEAVES, error=LEAVES)


@given(PAYLOADS, ENDS, st.data())
def test_events_are_the_same_however_their_bytes_are_cut(
    payloads: list[bytes], end: bytes, data: st.DataObject
) -> None:
    whole = b"".join(b": ping\n\ndata: " + payload + end for payload in payloads)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=10).map(sorted))
    places = [0, *cuts, len(whole)]
    lines = EventLines()

    seen = [
        payload for start, stop in pairwise(places) for payload in lines.feed(whole[start:stop])
    ]

    assert seen == [payload.strip() for payload in payloads]


@given(st.lists(st.text(max_size=5), max_size=10))
def test_the_texts_of_all_deltas_are_joined_in_order(texts: list[str]) -> None:
    assembly = Assembly()

    for text in texts:
        assembly.add(event(delta={"content": text}))

    joined = "".join(texts)
    assert message(assembly) == {"role": "assistant", "content": joined if texts else None}


@given(st.permutations(["a"] * 3 + ["b"] * 3), st.booleans())
def test_tool_calls_that_come_mixed_are_kept_apart_by_their_index(
    order: list[str], names_first: bool
) -> None:
    assembly = Assembly()
    for index, name in enumerate("ab"):
        first: JsonObject = {"index": index, "id": f"call_{name}", "type": "function"}
        assembly.add(event(delta={"tool_calls": [{**first, "function": {"name": name}}]}))

    for name in order:
        piece: JsonObject = {"index": "ab".index(name), "function": {"arguments": name}}
        assembly.add(event(delta={"tool_calls": [piece]}))

    assert message(assembly)["tool_calls"] == [
        {
            "id": f"call_{name}",
            "type": "function",
            "function": {"name": name, "arguments": name * 3},
        }
        for name in "ab"
    ]


def test_a_stream_is_finished_when_every_choice_gave_its_reason() -> None:
    assembly = Assembly()
    states = [assembly.finished]

    assembly.add(event(delta={"content": "4"}))
    states.append(assembly.finished)
    assembly.add(event(delta={}, finish_reason="stop"))
    states.append(assembly.finished)

    assert states == [False, False, True]


@given(st.lists(CHUNK, max_size=4))
def test_whatever_an_endpoint_sends_is_taken_or_named_as_broken(chunks: list[JsonValue]) -> None:
    assembly = Assembly()

    for chunk in chunks:
        with suppress(BrokenStream, StreamError):
            assembly.add(orjson.dumps(chunk))

    assert isinstance(assembly.completion()["choices"], list)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"4", b'"text"', b"null", b"\xff"])
def test_an_event_that_is_no_object_is_broken(payload: bytes) -> None:
    with pytest.raises(BrokenStream):
        Assembly().add(payload)


def test_a_line_that_never_ends_is_given_up() -> None:
    lines = EventLines()
    lines.feed(b"x" * LONGEST_LINE)

    with pytest.raises(BrokenStream, match="does not end"):
        lines.feed(b"x")


def event(**choice: JsonValue) -> bytes:
    """Give a chunk with one choice."""
    return orjson.dumps({"choices": [{"index": 0, **choice}]})


def message(assembly: Assembly) -> JsonObject:
    """Give the message of the first choice, or that of an answer without one."""
    match assembly.completion()["choices"]:
        case [{"message": dict(found)}]:
            return found
    return {"role": "assistant", "content": None}
