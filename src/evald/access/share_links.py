"""Share links: who has one reads a run's report without a key, until it expires or is revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.access.share_tokens import (
    SignedLink,
    link_of,
    new_link_id,
    new_signing_secret,
    token_of,
)
from evald.clock import Clock
from evald.contract.projects import ProjectId
from evald.errors import BadRequest, Conflict
from evald.store import runs as run_store
from evald.store import share_links as link_store
from evald.store.database import Database
from evald.store.server_secrets import get_secret, keep_secret
from evald.store.share_links import SharedRun, ShareLink

LIVES: Final = (1, 7, 30, 90)
"""Days for which a link may be in force."""
USUAL_LIFE: Final = 7
MOST_LINKS: Final = 20
"""So many links of one run may be in force at a time."""
_SECRET: Final = "share links"
_DAY: Final = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class SharedBy:
    """A share link in force with its token, which is kept nowhere: it is made anew from the secret."""

    id: str
    token: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class RunOfProject:
    """A run, as a project names it."""

    project_id: ProjectId
    eval_id: str
    run_id: str

    async def check(self, connection: AsyncConnection) -> None:
        """Check that it is there. Raises NotFound."""
        await run_store.check_run(connection, self.project_id, self.eval_id, self.run_id)


class ShareLinks:
    """Makes, shows, follows and revokes share links."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Begin without the secret; the first link makes it, for all servers of the database."""
        self._database = database
        self._clock = clock
        self._secret: str | None = None

    async def make(self, run: RunOfProject, days: int) -> None:
        """Make a link to a run. Raises NotFound, BadRequest for other days, and Conflict."""
        if days not in LIVES:
            raise BadRequest(f"A share link is in force for {LIVES} days.", param="days")
        now = int(self._clock())
        new = ShareLink(new_link_id(), run.run_id, now, now + days * _DAY)

        async def make(connection: AsyncConnection) -> None:
            await run.check(connection)
            if await link_store.count_links(connection, run.run_id, now) >= MOST_LINKS:
                raise Conflict(
                    f"{MOST_LINKS} links to this run are in force. Revoke one to make another.",
                    code="too_many_links",
                )
            await keep_secret(connection, _SECRET, new_signing_secret())
            await link_store.insert_link(connection, new)

        await self._database.write(make)

    async def with_tokens(self, links: Sequence[ShareLink]) -> list[SharedBy]:
        """Give links that were read from the store with their tokens."""
        secret = await self._known_secret() if links else None
        if secret is None:
            return []
        return [
            SharedBy(
                link.id, token_of(SignedLink(link.id, link.expires_at), secret), link.expires_at
            )
            for link in links
        ]

    async def run_of(self, token: str) -> SharedRun | None:
        """Give the run that a token opens now, or None: it was not made here, is over, or revoked."""
        secret = await self._known_secret()
        link = None if secret is None else link_of(token, secret)
        now = self._clock()
        if link is None or link.expires_at <= now:
            return None
        return await self._database.read(
            lambda connection: link_store.run_of_link(connection, link.id, now)
        )

    async def revoke(self, run: RunOfProject, link_id: str) -> None:
        """Put a link out of force at once; a second time changes nothing. Raises NotFound."""
        now = self._clock()

        async def revoke(connection: AsyncConnection) -> None:
            await run.check(connection)
            await link_store.revoke_link(connection, run.run_id, link_id, now)

        await self._database.write(revoke)

    async def _known_secret(self) -> str | None:
        """Give the secret, or None before the first link of this database."""
        if self._secret is None:
            self._secret = await self._database.read(
                lambda connection: get_secret(connection, _SECRET)
            )
        return self._secret
