"""The tokens that a run took, by model and purpose, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from evald.contract.counts import PURPOSES
from evald.dashboard.progress import Progress
from evald.dashboard.reading import ApiObject, count_of, list_of, object_of, text_of
from evald.dashboard.texts import clip
from evald.rules.cost import Prices

_NAME_LIMIT = 120


@dataclass(frozen=True)
class ModelUsage:
    """The tokens that one model took and gave for one purpose.

    `purpose` is empty where it is not told. `cost` is None where the model has no price.
    """

    model: str
    purpose: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    total_tokens: int
    cost: Decimal | None


@dataclass(frozen=True)
class Usage:
    """What a run used. `cost` is None unless all its models have a price.

    `cost_at_end` is what the whole run will cost if it goes on as it did, while it goes on.
    """

    models: tuple[ModelUsage, ...]
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost: Decimal | None
    cost_at_end: Decimal | None
    currency: str
    unpriced: tuple[str, ...]


def usage_of(run: ApiObject, prices: Prices, progress: Progress) -> Usage:
    """Give what a run has used by now; nothing until the API knows it."""
    by_purpose = object_of(object_of(run.get("evald")).get("usage"))
    told: list[tuple[str, ApiObject]] = [
        (purpose, object_of(entry))
        for purpose in PURPOSES
        for entry in list_of(by_purpose.get(purpose))
    ]
    untold = [("", object_of(entry)) for entry in list_of(run.get("per_model_usage"))]
    models = tuple(_usage(purpose, entry, prices) for purpose, entry in told or untold)
    cost = _sum(models)
    return Usage(
        models=models,
        prompt_tokens=sum(each.prompt_tokens for each in models),
        completion_tokens=sum(each.completion_tokens for each in models),
        total_tokens=sum(each.total_tokens for each in models),
        cost=cost,
        cost_at_end=_at_end(cost, progress),
        currency=prices.currency,
        unpriced=tuple(sorted({each.model for each in models if each.cost is None})),
    )


def _usage(purpose: str, entry: ApiObject, prices: Prices) -> ModelUsage:
    model = text_of(entry.get("model_name"))
    prompt, cached = count_of(entry.get("prompt_tokens")), count_of(entry.get("cached_tokens"))
    completion = count_of(entry.get("completion_tokens"))
    price = prices.of(model)
    return ModelUsage(
        model=clip(model, _NAME_LIMIT).shown,
        purpose=purpose,
        calls=count_of(entry.get("invocation_count")),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        total_tokens=count_of(entry.get("total_tokens")),
        cost=None
        if price is None
        else price.of(prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion),
    )


def _sum(models: Sequence[ModelUsage]) -> Decimal | None:
    known = [each.cost for each in models if each.cost is not None]
    return sum(known, Decimal()) if known and len(known) == len(models) else None


def _at_end(cost: Decimal | None, progress: Progress) -> Decimal | None:
    done = progress.counts.done
    if cost is None or progress.is_final or not progress.rows or not done:
        return None
    return cost * progress.rows / done
