"""The objects of a page are those that were sent, to the byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.archive.raw_json import BadPage, split_page

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
objects = st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=4)


@given(objects, st.sampled_from([None, 1, 4]), st.booleans(), st.booleans())
def test_each_object_of_a_page_is_given_byte_for_byte(
    found: list[dict[str, object]], indent: int | None, ascii_only: bool, more: bool
) -> None:
    texts = [json.dumps(each, indent=indent, ensure_ascii=ascii_only) for each in found]
    raws = [text.encode("utf-8", "surrogatepass") for text in texts]
    body = b' {"object" : "list","x":[{}], "data":[ ' + b" ,\n".join(raws) + b' ] ,\r\n"has_more":'
    page = split_page(body + (b"true}" if more else b"false}") + b"\n")

    assert [each.raw for each in page.objects] == raws
    assert page.has_more == more
    for each in page.objects:
        line = each.line()
        assert line.count(b"\n") == 1
        assert json.loads(line.decode("utf-8", "surrogatepass"), parse_constant=str) == json.loads(
            each.raw.decode("utf-8", "surrogatepass"), parse_constant=str
        )


def test_numbers_of_any_length_stay_as_they_are() -> None:
    raw = b'{"id":"x","n":' + b"9" * 10_000 + b',"f":1.10e+5}'

    assert split_page(b'{"data":[' + raw + b"]}").objects[0].raw == raw


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"data":{}}',
        b'{"data":[1]}',
        b'{"data":[{"id":"a"}',
        b'{"data":[{"id":"a"},',
        b'{"data":[{"id":"a"}]} more',
        b'{"data":[{"id":"a"}] "has_more":false}',
        b"<html>a proxy</html>",
        b'{"data":' + b"[" * 100_000,
        b'{"data":[{"a":' + b"[" * 100_000,
    ],
)
def test_what_is_no_whole_page_is_refused(body: bytes) -> None:
    with pytest.raises(BadPage):
        split_page(body)
