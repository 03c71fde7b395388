"""What tokens cost, to the last decimal."""

from decimal import Decimal

from evald.rules.cost import NO_PRICES, Price, Prices

CHEAP = Price(input=Decimal("0.40"), cached_input=Decimal("0.10"), output=Decimal("1.60"))
PLAIN = Price(input=Decimal("3"), cached_input=None, output=Decimal("15"))


def test_each_kind_of_token_has_its_price_and_cached_ones_are_of_the_prompt() -> None:
    cost = CHEAP.of(prompt_tokens=1_000_003, cached_tokens=400_000, completion_tokens=7)

    assert cost == Decimal("0.2400012") + Decimal("0.04") + Decimal("0.0000112")


def test_cached_tokens_without_a_price_of_their_own_cost_as_much_as_others() -> None:
    cost = PLAIN.of(prompt_tokens=2_000_000, cached_tokens=1_000_000, completion_tokens=0)

    assert cost == Decimal("6")


def test_an_endpoint_that_tells_more_cached_tokens_than_it_was_sent_costs_no_less_than_nothing() -> (
    None
):
    cost = CHEAP.of(prompt_tokens=10, cached_tokens=1_000_000, completion_tokens=0)

    assert cost == Decimal("0.000001")


def test_the_first_pattern_that_fits_has_the_price() -> None:
    prices = Prices("USD", [("gpt-4.1-mini*", CHEAP), ("gpt-*", PLAIN)])

    assert prices.of("gpt-4.1-mini-2025-04-14") == CHEAP
    assert prices.of("gpt-4.1") == PLAIN
    assert prices.of("o4-mini") is None
    assert NO_PRICES.of("gpt-4.1") is None
