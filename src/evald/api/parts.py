"""Pages of lists that are no tables: the parts of one object that is kept as a whole."""

import asyncio
from collections.abc import Callable

import orjson

from evald.contract.json_types import JsonObject
from evald.contract.pages import page_json
from evald.rules.paging import PageRequest, page_of


async def page_of_parts(
    text: str, as_objects: Callable[[list[JsonObject]], list[JsonObject]], page: PageRequest
) -> bytes:
    """Give a page of what a JSON array holds, each part as the object with an id that it is shown as.

    It is made in a thread: there may be hundreds of thousands of parts. Raises BadRequest.
    """
    return await asyncio.to_thread(_page, text, as_objects, page)


def _page(
    text: str, as_objects: Callable[[list[JsonObject]], list[JsonObject]], page: PageRequest
) -> bytes:
    objects = as_objects(orjson.loads(text))
    ids = [str(each["id"]) for each in objects]
    positions, more = page_of(ids, page)
    return page_json(
        [(ids[place], orjson.dumps(objects[place])) for place in positions], has_more=more
    )
