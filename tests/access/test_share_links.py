"""Share links by a clock that only the test moves: signed, expiring, revoked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evald.access.share_links import MOST_LINKS, RunOfProject, ShareLinks
from evald.access.share_tokens import LENGTH, SignedLink, link_of, token_of
from evald.contract.projects import DEFAULT_PROJECT
from evald.errors import BadRequest, Conflict, NotFound
from evald.store.database import Database, open_database
from evald.store.migrate import migrate
from evald.store.server_secrets import get_secret
from evald.store.share_links import SharedRun, links_of_run
from tests.access.test_access import Hands
from tests.store.records import started_run

SECRET = "5e" * 32
DAY = 24 * 60 * 60


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'evald.db'}")
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def shares(database: Database, clock: Hands) -> ShareLinks:
    return ShareLinks(database, clock)


async def shared_run(database: Database) -> RunOfProject:
    run = await started_run(database)
    return RunOfProject(DEFAULT_PROJECT, run.eval_id, run.run_id)


async def tokens(
    shares: ShareLinks, database: Database, run: RunOfProject, clock: Hands
) -> list[str]:
    links = await database.read(lambda connection: links_of_run(connection, run.run_id, clock.now))
    return [link.token for link in await shares.with_tokens(links)]


def test_a_token_says_what_was_signed() -> None:
    link = SignedLink("0123456789abcdef" * 2, 1_800_000_000)

    assert link_of(token_of(link, SECRET), SECRET) == link


def test_no_character_of_a_token_can_be_changed() -> None:
    token = token_of(SignedLink("0123456789abcdef" * 2, 1_800_000_000), SECRET)

    for place in range(LENGTH):
        for other in ("A", "B"):
            changed = token[:place] + other + token[place + 1 :]
            assert changed == token or link_of(changed, SECRET) is None


@pytest.mark.parametrize("token", ["", "x", "A" * LENGTH, "-" * LENGTH, "=" * LENGTH, "é" * LENGTH])
def test_what_is_no_token_opens_nothing(token: str) -> None:
    assert link_of(token, SECRET) is None


def test_another_secret_signs_nothing_here() -> None:
    token = token_of(SignedLink("0" * 32, 1_800_000_000), "00" * 32)

    assert link_of(token, SECRET) is None


async def test_a_link_opens_its_run_until_its_days_are_over(
    shares: ShareLinks, database: Database, clock: Hands
) -> None:
    run = await shared_run(database)
    await shares.make(run, 7)
    (token,) = await tokens(shares, database, run, clock)

    clock.now += 7 * DAY - 1

    expected = SharedRun(run.project_id, run.eval_id, run.run_id)
    assert await ShareLinks(database, clock).run_of(token) == expected
    clock.now += 1
    assert await shares.run_of(token) is None
    assert await tokens(shares, database, run, clock) == []


async def test_a_revoked_link_opens_nothing_from_then_on_and_its_sister_does(
    shares: ShareLinks, database: Database, clock: Hands
) -> None:
    run = await shared_run(database)
    await shares.make(run, 1)
    await shares.make(run, 90)
    one, other = await tokens(shares, database, run, clock)
    gone = link_of(one, await _secret(database))
    assert gone

    await shares.revoke(run, gone.id)
    await shares.revoke(run, gone.id)

    assert await shares.run_of(one) is None
    assert await shares.run_of(other) is not None


async def _secret(database: Database) -> str:
    secret = await database.read(lambda connection: get_secret(connection, "share links"))
    assert secret
    return secret


async def test_a_link_is_revoked_by_its_own_run_alone(
    shares: ShareLinks, database: Database, clock: Hands
) -> None:
    run, other = await shared_run(database), await shared_run(database)
    await shares.make(run, 1)
    (token,) = await tokens(shares, database, run, clock)
    link = link_of(token, await _secret(database))
    assert link

    await shares.revoke(other, link.id)

    assert await shares.run_of(token) is not None


async def test_before_the_first_link_there_is_no_secret_and_nothing_opens(
    shares: ShareLinks,
) -> None:
    assert await shares.run_of("A" * LENGTH) is None


async def test_there_are_no_links_of_other_lengths_too_many_or_to_no_run(
    shares: ShareLinks, database: Database
) -> None:
    run = await shared_run(database)
    for days in (0, 2, 365):
        with pytest.raises(BadRequest):
            await shares.make(run, days)
    with pytest.raises(NotFound):
        await shares.make(RunOfProject(DEFAULT_PROJECT, run.eval_id, "evalrun_0"), 7)

    for _ in range(MOST_LINKS):
        await shares.make(run, 7)

    with pytest.raises(Conflict):
        await shares.make(run, 7)
