"""Who may ask, and for which project."""

import asyncio
from typing import Final

from evald.access.keys import hash_of, masked, new_session_token
from evald.clock import Clock
from evald.contract.projects import DEFAULT_NAME, DEFAULT_PROJECT, ProjectId
from evald.errors import Forbidden, Unauthorized
from evald.store import api_keys as api_key_store
from evald.store import sessions as session_store
from evald.store.api_keys import KeyInForce, KeysInForce
from evald.store.database import Database

KNOWN_FOR: Final = 1.0
"""Seconds for which the keys are taken as they were read: so long a revoked one may still be taken."""
SESSION_LIFE: Final = 7 * 24 * 60 * 60
"""Seconds until a reader has to sign in again."""


class Access:
    """Tells who asks. A server without keys is open: whoever reaches it has the default project.

    The keys are read from the database at most once in KNOWN_FOR, and where one is not known; so a
    request costs no statement, and other processes may make and revoke keys.
    """

    def __init__(self, database: Database, clock: Clock, monotonic: Clock) -> None:
        """Begin without knowing any key. `clock` is the time of day, `monotonic` measures ages."""
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._keys = KeysInForce({}, were_made=True)
        self._read_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def is_open(self) -> bool:
        """Say whether no key was ever made."""
        return not (await self._recent()).were_made

    async def has_key(self) -> bool:
        """Say whether a key is in force."""
        return bool((await self._recent()).by_hash)

    async def project_of_key(self, given: str | None, named: str | None) -> ProjectId:
        """Give the project of a key, or the default one of an open server.

        `named` is the project that the request says it means, if it does. Raises Unauthorized, and
        Forbidden when the key is one of another project.
        """
        if await self.is_open():
            if named is not None and named != DEFAULT_NAME:
                raise _mismatched(
                    f"This request is for the project '{named[:80]}', and this server has no keys: all "
                    f"is in the project '{DEFAULT_NAME}'."
                )
            return DEFAULT_PROJECT
        key = await self._key(given)
        if named is not None and named != key.project:
            raise _mismatched(
                f"This request is for the project '{named[:80]}', and its key is one of another. Send "
                "a key of that project, or leave the header out."
            )
        return key.project_id

    async def sign_in(self, key: str) -> str:
        """Begin a session with a key, and give its token. Raises Unauthorized."""
        in_force = await self._key(key)
        token, now = new_session_token(), int(self._clock())
        session = session_store.NewSession(hash_of(token), in_force.id, now + SESSION_LIFE)
        await self._database.write(
            lambda connection: session_store.insert_session(connection, session, now)
        )
        return token

    async def key_of_session(self, token: str) -> KeyInForce | None:
        """Give the key that a session began with, or None where it is over or the key is revoked."""
        now = self._clock()
        return await self._database.read(
            lambda connection: session_store.key_of_session(connection, hash_of(token), now)
        )

    async def sign_out(self, token: str) -> None:
        """End a session, if it is one."""
        await self._database.write(
            lambda connection: session_store.delete_session(connection, hash_of(token))
        )

    async def _key(self, given: str | None) -> KeyInForce:
        if given is None:
            raise Unauthorized(
                "You didn't provide an API key. Send one that `evald keys create` made, as "
                "'Authorization: Bearer KEY' or as 'api-key: KEY'.",
                code="invalid_api_key",
            )
        hashed = hash_of(given)
        # One that is not known may have been made a moment ago.
        found = (await self._recent()).by_hash.get(hashed) or (
            await self._read_since(self._monotonic())
        ).by_hash.get(hashed)
        if found is None:
            raise Unauthorized(
                f"Incorrect API key provided: {masked(given)}. Use one that `evald keys create` "
                "made and nobody revoked.",
                code="invalid_api_key",
            )
        return found

    async def _recent(self) -> KeysInForce:
        return await self._read_since(self._monotonic() - KNOWN_FOR)

    async def _read_since(self, moment: float) -> KeysInForce:
        """Give the keys as they were read at this moment or later. Who waits shares one reading."""
        if self._read_at > moment:
            return self._keys
        async with self._one_at_a_time:
            if self._read_at <= moment:
                begun = self._monotonic()
                self._keys = await self._database.read(api_key_store.keys_in_force)
                self._read_at = begun
            return self._keys


def _mismatched(message: str) -> Forbidden:
    return Forbidden(message, param="evald-project", code="mismatched_project")
