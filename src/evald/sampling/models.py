"""The models that the providers offer, for `GET /models`."""

import asyncio
from collections.abc import Sequence

import aiohttp
import orjson

from evald.contract.json_types import JsonObject
from evald.errors import UpstreamFailed
from evald.sampling.providers import Aliases, Provider, provider_of, route_of

LIST_TIMEOUT = 15.0
LARGEST_LIST = 16 * 1024 * 1024


async def list_models(
    providers: Sequence[Provider], aliases: Aliases, session: aiohttp.ClientSession
) -> list[JsonObject]:
    """Give the model objects of all providers, each model from the one that serves it, and the aliases.

    A provider that does not answer is left out as long as another does.
    Raises UpstreamFailed when none answers.
    """
    answers = await asyncio.gather(
        *(_models_of(provider, session) for provider in providers), return_exceptions=True
    )
    models: list[JsonObject] = []
    failures: list[str] = []
    for provider, answer in zip(providers, answers, strict=True):
        if isinstance(answer, BaseException):
            failures.append(f"{provider.name}: {provider.without_key(str(answer))[:200]}")
            continue
        models += [each for each in answer if provider_of(str(each["id"]), providers) is provider]
    if providers and len(failures) == len(providers):
        raise UpstreamFailed("No model endpoint listed its models. " + "; ".join(failures))
    named = [each for each in models if each["id"] not in aliases]
    return named + [_alias(name, target, models, providers) for name, target in aliases.items()]


def _alias(
    name: str, target: str, models: Sequence[JsonObject], providers: Sequence[Provider]
) -> JsonObject:
    """Give the object of an alias: that of its model, where the provider lists it, and what it is."""
    route = route_of(target, providers, {})
    known: JsonObject = {
        "object": "model",
        "created": 0,
        "owned_by": route.provider.name if route else "",
    }
    listed = next((each for each in models if each["id"] == target), known)
    return {**listed, "id": name, "evald": {"alias_of": target}}


async def _models_of(provider: Provider, session: aiohttp.ClientSession) -> list[JsonObject]:
    timeout = aiohttp.ClientTimeout(total=LIST_TIMEOUT)
    async with session.get(
        f"{provider.base_url}/models",
        headers=provider.headers(),
        timeout=timeout,
        allow_redirects=False,
    ) as response:
        if response.status != 200:
            raise UpstreamFailed(f"it answered {response.status}")
        match orjson.loads(await response.content.read(LARGEST_LIST)):
            case {"data": list(models)}:
                return [each for each in models if isinstance(each, dict) and "id" in each]
    raise UpstreamFailed("its list of models has no usable form")
