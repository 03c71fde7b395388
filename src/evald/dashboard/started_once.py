"""A form that is sent twice starts one run: a double click, or a reload of the page."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.errors import KeyTaken
from evald.rules import json_text
from evald.runs.create import Also
from evald.runs.tools import Tools
from evald.store import idempotency_keys as key_store
from evald.store.idempotency_keys import FirstAnswer, IdempotencyKey

LONGEST_NONCE: Final = 64

Place = tuple[str, str]
"""The ids of an eval and of a run of it."""


def new_nonce() -> str:
    """Give what a form carries, so that it is known again when it is sent once more."""
    return secrets.token_urlsafe(16)


def known_nonce(given: str) -> str:
    """Give the nonce that a form came with, or a new one for what can be none."""
    fits = 0 < len(given) <= LONGEST_NONCE and given.isascii() and given.isprintable()
    return given if fits else new_nonce()


def key_of_form(project_id: ProjectId, route: str, nonce: str, form: object) -> IdempotencyKey:
    """Give the key under which a form starts a run.

    The same form with other contents is another one: who goes back and changes something means a run
    of its own.
    """
    content = hashlib.sha256(json_text.dump_bytes(form)).hexdigest()
    return IdempotencyKey(project_id, route, f"{nonce}.{content}", content)


async def started_once(
    key: IdempotencyKey, tools: Tools, start: Callable[[Also], Awaitable[Run]]
) -> Place:
    """Give the run that `start` creates, or the one that was created under this key before.

    Raises what `start` does; then nothing is remembered.
    """

    async def keep(connection: AsyncConnection, run: Run) -> None:
        answer = orjson.dumps([run.eval_id, run.id])
        first = FirstAnswer(run.eval_id, run.id, answer)
        await key_store.insert_key(connection, key, first, int(tools.clock()))

    while (first := await _first(key, tools)) is None:
        with suppress(KeyTaken):  # by the same form, which came while this one was being checked
            run = await start(keep)
            return run.eval_id, run.id
    return first


async def _first(key: IdempotencyKey, tools: Tools) -> Place | None:
    now = tools.clock()
    found = await tools.database.read(
        lambda connection: key_store.find_key(connection, key.project_id, key.route, key.key, now)
    )
    if found is None:
        return None
    eval_id, run_id = orjson.loads(found[1])
    return eval_id, run_id
