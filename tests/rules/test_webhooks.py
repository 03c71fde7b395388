"""Signatures, the pauses between attempts, and where webhooks may go."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.rules.webhooks import (
    BadSecret,
    Patience,
    hint_of,
    key_of,
    may_be_reached,
    new_secret,
    next_attempt,
    signed_headers,
)

# The vector that the official SDKs are tested with (contract section 7).
SECRET = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c="
WEBHOOK_ID = "wh_685c059ae39c8190af8c71ed1022a24d"
SENT_AT = 1750861210
BODY = (
    '{"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, '
    '"type": "response.completed", "data": {"id": "resp_123"}}'
)
SIGNATURE = "v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY="


def test_the_signature_is_that_of_the_known_vector() -> None:
    assert signed_headers(WEBHOOK_ID, BODY, [SECRET], SENT_AT + 0.9) == {
        "webhook-id": WEBHOOK_ID,
        "webhook-timestamp": str(SENT_AT),
        "webhook-signature": SIGNATURE,
    }


def test_each_secret_gives_a_signature_of_its_own() -> None:
    other = new_secret(b"k" * 32)

    headers = signed_headers(WEBHOOK_ID, BODY, [other, SECRET], SENT_AT)

    first, second = headers["webhook-signature"].split(" ")
    assert (first != second, second) == (True, SIGNATURE)


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_stands_for_its_bytes(key: bytes) -> None:
    assert key_of(new_secret(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_!!!!",
        SECRET.removeprefix("whsec_"),
        SECRET.replace("=", ""),
        SECRET + " ",
        "whsec_ü",
        new_secret(b"k" * 23),
        new_secret(b"k" * 65),
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadSecret) as refused:
        key_of(text)

    assert not text or len(text) < 7 or text not in str(refused.value)


def test_a_hint_shows_the_last_characters_alone() -> None:
    assert hint_of(SECRET) == "whsec_...40c="


CHANCES = st.floats(0, 1)
NAMED = st.none() | st.floats(0, 10**9)
PATIENCE = Patience()


@given(st.integers(1, 10_000), CHANCES, NAMED)
def test_a_pause_is_never_longer_than_the_ceiling(
    attempts: int, chance: float, named: float | None
) -> None:
    pause = next_attempt(attempts, 0, chance, named, PATIENCE)

    assert pause is not None
    assert PATIENCE.first / 2 <= pause <= PATIENCE.ceiling


@given(CHANCES, st.lists(CHANCES, min_size=11, max_size=11))
def test_pauses_double_but_for_half_of_each_that_is_left_to_chance(
    first: float, others: list[float]
) -> None:
    for attempts, chance in enumerate([first, *others], start=1):
        doubled = PATIENCE.first * 2 ** (attempts - 1)

        pause = next_attempt(attempts, 0, chance, None, PATIENCE)

        assert pause is not None
        assert doubled / 2 <= pause <= doubled


@given(st.integers(1, 100), CHANCES, st.floats(0, PATIENCE.ceiling))
def test_a_pause_that_the_endpoint_asks_for_is_kept(
    attempts: int, chance: float, named: float
) -> None:
    pause = next_attempt(attempts, 0, chance, named, PATIENCE)

    assert pause is not None
    assert pause >= named


@given(st.lists(CHANCES, min_size=200, max_size=200))
def test_an_event_is_given_up_within_three_days_and_not_long_before(chances: list[float]) -> None:
    age, attempts = 0.0, 1
    for chance in itertools.cycle(chances):
        pause = next_attempt(attempts, age, chance, None, PATIENCE)
        if pause is None:
            break
        age, attempts = age + pause, attempts + 1

    assert PATIENCE.give_up_after - PATIENCE.ceiling <= age <= PATIENCE.give_up_after
    assert 20 <= attempts <= 60


# address, reachable where private ones are allowed, and where they are not
ADDRESSES = [
    ("93.184.216.34", True, True),
    ("2606:2800:220:1:248:1893:25c8:1946", True, True),
    ("127.0.0.1", True, False),
    ("127.8.8.8", True, False),
    ("::1", True, False),
    ("10.1.2.3", True, False),
    ("172.16.0.1", True, False),
    ("192.168.1.5", True, False),
    ("100.64.0.1", True, False),
    ("0.0.0.0", True, False),
    ("::", True, False),
    ("fd00::1", True, False),
    ("::ffff:10.1.2.3", True, False),
    ("::ffff:93.184.216.34", True, True),
    ("169.254.169.254", False, False),
    ("::ffff:169.254.169.254", False, False),
    ("fe80::1", False, False),
    ("fe80::1%eth0", False, False),
    ("64:ff9b::7f00:1", True, False),
    ("64:ff9b::a9fe:a9fe", False, False),
    ("64:ff9b::5db8:d822", True, True),
    ("64:ff9b:1::a00:1", True, False),
    ("2002:7f00:1::", True, False),
    ("2002:a9fe:a9fe::1", False, False),
    ("::127.0.0.1", True, False),
    ("fec0::1", True, False),
    ("192.0.0.1", True, False),
    ("192.0.0.192", False, False),
    ("fd00:ec2::254", False, False),
    ("224.0.0.1", False, False),
    ("ff02::1", False, False),
    ("example.org", False, False),
    ("", False, False),
]


@pytest.mark.parametrize(("address", "inside", "outside"), ADDRESSES)
def test_where_webhooks_may_go(address: str, *, inside: bool, outside: bool) -> None:
    assert may_be_reached(address, private=True) is inside
    assert may_be_reached(address, private=False) is outside
