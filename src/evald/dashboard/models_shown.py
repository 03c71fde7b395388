"""The models that a form offers to choose from."""

import asyncio
from collections.abc import Sequence
from typing import Final

from evald.dashboard.serving import Pages
from evald.errors import ApiError

MODELS_LISTED: Final = 200
MODELS_WITHIN: Final = 2.0
"""Seconds for which a page waits for the providers to list their models."""


async def models_of(pages: Pages) -> Sequence[str]:
    """Give the names of models; none when the providers do not tell at once."""
    try:
        async with asyncio.timeout(MODELS_WITHIN):
            listed = await pages.forms.list_models()
    except (ApiError, TimeoutError):
        return ()
    return [str(each.get("id")) for each in listed[:MODELS_LISTED]]
