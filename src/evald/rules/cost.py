"""What the tokens of a model cost, by prices that the operator names. Money is never a float."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of a model cost.

    `cached_input` is for prompt tokens that the endpoint had in its cache; None where they cost as much.
    """

    input: Decimal
    cached_input: Decimal | None
    output: Decimal

    def of(self, *, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> Decimal:
        """Give what these tokens cost, exactly. Cached tokens are some of the prompt's."""
        cached = min(cached_tokens, prompt_tokens)
        of_cached = self.input if self.cached_input is None else self.cached_input
        of_a_million = (
            (prompt_tokens - cached) * self.input
            + cached * of_cached
            + completion_tokens * self.output
        )
        return of_a_million.scaleb(-6)


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of models, by patterns of their names such as `gpt-4.1*`. The first that fits holds."""

    currency: str = ""
    by_pattern: Sequence[tuple[str, Price]] = ()

    def of(self, model: str) -> Price | None:
        """Give the price of a model, or None where none is known."""
        fits = (price for pattern, price in self.by_pattern if fnmatchcase(model, pattern))
        return next(fits, None)


NO_PRICES: Final = Prices()
