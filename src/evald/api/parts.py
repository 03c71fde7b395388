"""Pages of lists that are no tables: the parts of one object that is kept as a whole."""

import asyncio
from collections.abc import Callable

import orjson

from evald.contract.json_types import JsonObject
from evald.contract.pages import page_json
from evald.rules.paging import PageRequest, page_of


async def page_of_parts(
    parts: Callable[[], list[JsonObject]], page: PageRequest, extras: JsonObject | None = None
) -> bytes:
    """Give a page of parts, each shown as an object with an id, and what evald adds to the page.

    They are made in a thread: there may be hundreds of thousands of them. Raises BadRequest.
    """
    return await asyncio.to_thread(_page, parts, page, extras)


def _page(
    parts: Callable[[], list[JsonObject]], page: PageRequest, extras: JsonObject | None
) -> bytes:
    objects = parts()
    ids = [str(each["id"]) for each in objects]
    positions, more = page_of(ids, page)
    shown = [(ids[place], orjson.dumps(objects[place])) for place in positions]
    return page_json(shown, has_more=more, extras=extras)
