"""`Idempotency-Key`: a create that is asked for again makes nothing, and is answered as at first.

The key is saved in the transaction that inserts the object. So of two requests at the same moment one
makes it, and a server that dies before it has answered has made both or neither.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.api.bodies import PARSED_AT_ONCE, json_answer
from evald.api.services import Services
from evald.contract.projects import ProjectId
from evald.errors import BadRequest, KeyTaken
from evald.store import idempotency_keys as key_store
from evald.store.idempotency_keys import FirstAnswer, IdempotencyKey

HEADER: Final = "idempotency-key"
REPLAYED: Final = {"idempotent-replayed": "true"}
"""The header of an answer that was given before."""
LONGEST_KEY: Final = 255
KEY_PARAMETER: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "A repeated request makes nothing, and is answered as at first.",
            "schema": {
                "type": "string",
                "maxLength": LONGEST_KEY,
                "pattern": "^[!-~]([ -~]*[!-~])?$",
            },
        }
    ]
}
"""How a create that reads the header says so in the API's document."""

Keep: TypeAlias = Callable[[AsyncConnection, FirstAnswer], Awaitable[None]]
"""Keeps an answer, in the transaction that inserts the object. Without a key it does nothing."""


async def created_once(
    request: Request,
    project_id: ProjectId,
    services: Services,
    route: str,
    create: Callable[[Keep], Awaitable[bytes]],
) -> Response:
    """Answer a create: with the first answer where its key is known, else with what `create` gives.

    The key belongs to the project and to `route`. Raises BadRequest for a key that cannot be one, and
    for one that was used with another body. What `create` refuses is not remembered.
    """
    key = await _key_of(request, project_id, route)
    if key is None:
        return json_answer(await create(_keep_nothing), 201)

    async def keep(connection: AsyncConnection, first: FirstAnswer) -> None:
        now = int(services.tools.clock())
        await key_store.insert_key(connection, key, first, now)

    while (first := await _first_answer(key, services)) is None:
        with suppress(KeyTaken):  # by a request that came while this one was being checked
            return json_answer(await create(keep), 201)
    return Response(first, 201, REPLAYED, media_type="application/json")


async def _keep_nothing(_: AsyncConnection, __: FirstAnswer) -> None:
    pass


async def _key_of(request: Request, project_id: ProjectId, route: str) -> IdempotencyKey | None:
    key = request.headers.get(HEADER)
    if key is None:
        return None
    key = key.strip()  # the server leaves the white space behind a header's value in it
    if not 0 < len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise BadRequest(
            f"An Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters.",
            param=HEADER,
            code="invalid_value",
        )
    return IdempotencyKey(project_id, route, key, await _hash(await request.body()))


async def _hash(body: bytes) -> str:
    hashed = hashlib.sha256
    large = len(body) > PARSED_AT_ONCE
    return (await asyncio.to_thread(hashed, body) if large else hashed(body)).hexdigest()


async def _first_answer(key: IdempotencyKey, services: Services) -> str | None:
    now = services.tools.clock()
    found = await services.database.read(
        lambda connection: key_store.find_key(connection, key.project_id, key.route, key.key, now)
    )
    if found is None:
        return None
    body_hash, answer = found
    if body_hash != key.body_hash:
        raise BadRequest(
            f"The Idempotency-Key '{key.key}' was used with another body. Send the same bytes again, "
            "or take a new key for a new object.",
            param=HEADER,
            code="idempotency_key_reused",
        )
    return answer
