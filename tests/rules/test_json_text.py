"""JSON text is kept exactly or refused: nothing between."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonValue
from evald.rules.json_text import BadJson, dump, dump_bytes, parse
from tests.rules.json_values import JSON_VALUES, nested


def same(one: JsonValue, other: JsonValue) -> bool:
    """Compare types too: for Python 1, 1.0 and true are equal."""
    return repr(one) == repr(other)


@given(JSON_VALUES)
def test_any_value_comes_back_as_it_was(value: JsonValue) -> None:
    assert same(parse(dump_bytes(value)), value)


@given(JSON_VALUES)
def test_a_text_that_another_program_wrote_is_read_as_it_meant(value: JsonValue) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        assert same(parse(text.encode()), value)


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    with suppress(BadJson):
        value = parse(text)
        assert same(parse(dump_bytes(value)), value)


@given(st.integers())
def test_an_integer_is_kept_to_the_last_digit_or_refused(number: int) -> None:
    text = f'{{"a": [{number}]}}'.encode()

    if -(2**63) <= number < 2**64:
        assert same(parse(text), {"a": [number]})
    else:
        with pytest.raises(BadJson, match="64 bits"):
            parse(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_kept_to_the_last_bit(number: float) -> None:
    assert same(parse(dump_bytes([number])), [number])
    assert same(parse(repr([number]).encode()), [number])


REFUSED = {
    "nothing": b"",
    "spaces": b"  ",
    "half an object": b'{"a": 1',
    "two values": b"1 2",
    "single quotes": b"{'a': 1}",
    "a trailing comma": b"[1,]",
    "a comment": b"[1] // one",
    "NaN": b"[NaN]",
    "infinity": b"[Infinity]",
    "minus infinity": b"[-Infinity]",
    "a number beyond a double": b"[1e400]",
    "an integer beyond a double": b"[1" + b"0" * 400 + b"]",
    "an integer beyond 64 bits": b"[18446744073709551616]",
    "an integer below 64 bits": b"[-9223372036854775809]",
    "an integer of 5,000 digits": b"[" + b"1" * 5000 + b"]",
    "a leading zero": b"[01]",
    "a plus": b"[+1]",
    "a high surrogate alone": rb'["\ud800"]',
    "a low surrogate alone": rb'["\udc00"]',
    "surrogates in the wrong order": rb'["\udc00\ud800"]',
    "a surrogate in a key": rb'{"\ud800": 1}',
    "a surrogate in UTF-8": b'["\xed\xa0\x80"]',
    "no UTF-8": b'["\xff"]',
    "overlong UTF-8": b'["\xc0\x80"]',
    "UTF-16": '["a"]'.encode("utf-16"),
    "a raw NUL": b'["\x00"]',
    "a raw newline in a string": b'["\n"]',
    "10,000 levels": b"[" * 10_000 + b"]" * 10_000,
    "10,000 open objects": b'{"a":' * 10_000,
    "1,025 levels": b"[" * 1025 + b"]" * 1025,
    "1,000 levels around a long number": b"[" * 1000 + b"1234567890123456789" + b"]" * 1000,
    "a million levels around a long number": b"[" * 10**6 + b"1234567890123456789",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_kept_is_refused_with_a_reason(text: bytes) -> None:
    with pytest.raises(BadJson, match=r"\w"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\u0000"', "\x00"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        ('"\U0001f600"'.encode(), "\U0001f600"),
        (rb'"\uffff\ufeff"', "\uffff\ufeff"),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1e2", 100.0),
        (b"-0.0", -0.0),
        (b"5e-324", 5e-324),
        (b"12345678901234567890.5", 12345678901234567890.5),
        (
            b'"a string of 12345678901234567890123 digits"',
            "a string of 12345678901234567890123 digits",
        ),
        (b'{"12345678901234567890123": 1}', {"12345678901234567890123": 1}),
        (b" \t\r\n[1]\n", [1]),
    ],
)
def test_odd_but_legal_texts_are_kept(text: bytes, value: JsonValue) -> None:
    assert same(parse(text), value)
    assert same(parse(dump_bytes(value)), value)


def test_the_first_place_that_is_wrong_is_named() -> None:
    with pytest.raises(BadJson, match="line 2 column 3"):
        parse(b"[1,\n  x]")


def test_the_text_is_compact_and_not_escaped_beyond_need() -> None:
    assert dump({"ä": [1, 2.0, None, True], "b": "é"}) == '{"ä":[1,2.0,null,true],"b":"é"}'


def test_254_levels_can_be_written_and_255_are_refused() -> None:
    assert dump(nested(254)) == "[" * 254 + "]" * 254

    with pytest.raises(BadJson, match="more than 254 levels"):
        dump(nested(255))


@pytest.mark.parametrize(
    "value", [2**64, -(2**63) - 1, "\ud800", {"\udc00": 1}, {1: "a"}, {"a"}, b"bytes"]
)
def test_a_value_that_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(BadJson):
        dump(value)
