"""When a model call is tried again: which answers, after how long, and what a server may ask for."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.retry import RetryPolicy, is_retried, named_pause, wait_before

CHANCES = st.floats(0, 1)
ATTEMPTS = st.integers(1, 100)
POLICY = RetryPolicy()
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "retried"),
    [
        *[(status, True) for status in (408, 409, 429, 500, 502, 503, 504, 529, 599)],
        *[(status, False) for status in (200, 301, 400, 401, 403, 404, 413, 422, 451, 501)],
    ],
)
def test_only_what_may_pass_is_tried_again(status: int, retried: bool) -> None:
    assert is_retried(status) == retried


@given(ATTEMPTS, CHANCES)
def test_a_wait_lies_between_nothing_and_the_doubling_ceiling(attempt: int, chance: float) -> None:
    wait = wait_before(attempt, chance, POLICY, None)

    assert 0 <= wait <= min(POLICY.ceiling, POLICY.base * 2 ** (attempt - 1))


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (100, 30.0)]
)
def test_the_ceiling_doubles_and_chance_spreads_over_all_of_it(
    attempt: int, longest: float
) -> None:
    waits = [wait_before(attempt, chance, POLICY, None) for chance in (0, 0.5, 1)]

    assert waits == [0, longest / 2, longest]


@given(ATTEMPTS, CHANCES, st.floats(0, 120))
def test_a_named_pause_is_never_cut_short_and_spread_by_a_tenth(
    attempt: int, chance: float, named: float
) -> None:
    wait = wait_before(attempt, chance, POLICY, named)

    assert named <= wait <= named * 1.1


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after-ms": "-1", "retry-after": "9"}, 9.0),
        ({"retry-after": "600"}, 600.0),
    ],
)
def test_a_pause_is_named_in_seconds_or_milliseconds(
    headers: dict[str, str], pause: float | None
) -> None:
    assert named_pause(headers, NOON.timestamp()) == pause


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-1",
        "nan",
        "inf",
        "-inf",
        "1e300",
        "9" * 400,
        "0x10",
        "1,5",
        "12 s",
        "Mon, 99 Nov",
    ],
)
def test_nonsense_counts_as_no_pause(text: str) -> None:
    assert named_pause({"retry-after": text}, NOON.timestamp()) is None
    assert named_pause({"retry-after-ms": text}, NOON.timestamp()) is None


@given(st.text())
def test_whatever_a_server_sends_is_a_pause_or_none(text: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        pause = named_pause({name: text}, NOON.timestamp())

        assert pause is None or pause >= 0


@given(st.integers(-(10**6), 10**6))
def test_a_date_names_the_time_until_then(seconds: int) -> None:
    date = format_datetime(NOON + timedelta(seconds=seconds), usegmt=True)

    assert named_pause({"retry-after": date}, NOON.timestamp()) == max(0, seconds)


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 30 Nov 2026 12:00:20 GMT",
        "Monday, 30-Nov-26 12:00:20 GMT",
        "Mon Nov 30 12:00:20 2026",
        "Mon, 30 Nov 2026 14:00:20 +0200",
    ],
)
def test_every_form_of_an_http_date_is_read_on_any_machine(date: str, elsewhere: None) -> None:
    assert named_pause({"retry-after": date}, NOON.timestamp()) == 20


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 30 Nov 99999 12:00:20 GMT",
        "Mon, 30 Nov 2026 99:00:20 GMT",
    ],
)
def test_an_impossible_date_counts_as_no_pause(date: str) -> None:
    assert named_pause({"retry-after": date}, NOON.timestamp()) is None
