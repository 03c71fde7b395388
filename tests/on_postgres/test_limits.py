"""A provider's limits hold over all processes on one Postgres."""

import time
from collections.abc import Iterator

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.on_postgres.several import several
from tests.postgres import migrated_database
from tests.waiting import until


@pytest.fixture
def database_url() -> Iterator[str]:
    with migrated_database() as url:
        yield url


def test_no_more_calls_are_in_flight_than_one_process_may_have_and_none_is_left_out(
    models: ModelServer, database_url: str
) -> None:
    models.script(Step(delay_ms=20))
    with several(
        "one", "two", "three", database=database_url, models=models.url, max_concurrency=8
    ) as (one, two, three):
        one.go()
        models.wait(in_flight=8)  # alone it has all
        two.go()
        three.go()
        until(lambda: has_asked(models, "two", 50) and has_asked(models, "three", 50))

        one.kill()
        models.reset_stats()
        models.wait(in_flight=8)  # its part is taken by the others

        two.leave()
        models.reset_stats()
        models.wait(in_flight=8)
        assert models.stats().max_in_flight == 8


def has_asked(models: ModelServer, name: str, number: int) -> bool:
    stats = models.stats()
    assert stats.max_in_flight <= 8
    return stats.calls_by_message.get(name, 0) >= number


def test_requests_per_minute_hold_over_two_processes_also_when_one_is_killed(
    models: ModelServer, database_url: str
) -> None:
    interval, saved_up = 0.05, 0.95
    with several(
        "one", "two", database=database_url, models=models.url, requests_per_minute=60 / interval
    ) as (one, two):
        began = time.monotonic()
        one.go()
        two.go()
        until(lambda: len(models.stats().calls_by_message) == 2)
        models.wait(started=30)
        one.kill()
        stats = models.wait(started=45)

    # A call comes to the server when it began, or later.
    early = [
        number
        for number, at in enumerate(stats.started_at)
        if at < began + number * interval - saved_up
    ]
    assert early == []
