"""A real server makes the index of a run by itself, while it goes on and after it."""

import asyncio

from evald.rules.item_query import ItemQuery
from evald.store.database import open_database
from evald.store.item_figures import RunFigures, figures_of
from evald.store.item_search import FoundItems, find_items
from tests.runs.making import create_eval, create_run, get_final, given, rows
from tests.server import EvaldServer
from tests.waiting import until

ROWS = 150
SAMPLE = {"output_text": "It was the nightingale, and not the lark."}


def database_url(server: EvaldServer) -> str:
    file = f"sqlite+aiosqlite:///{server.data_dir / 'evald.db'}"
    return server.environment.get("EVALD_DATABASE_URL", file)


async def seen(url: str, run_id: str, text: str) -> tuple[RunFigures, FoundItems]:
    database = open_database(url)
    query = ItemQuery(text=text)
    figures = await database.read(lambda connection: figures_of(connection, run_id))
    found = await database.read(
        lambda connection: find_items(connection, run_id, query, after=None, before=None, limit=5)
    )
    await database.close()
    return figures, found


def test_soon_after_its_end_a_run_is_searched(server: EvaldServer) -> None:
    answered = [{**row, "sample": SAMPLE} for row in rows(ROWS)]
    run = create_run(server, create_eval(server), given(answered))
    run_id = get_final(server, run)["id"]

    def indexed() -> tuple[RunFigures, FoundItems] | None:
        figures, found = asyncio.run(seen(database_url(server), run_id, "nightingale"))
        return (figures, found) if figures.indexed == ROWS else None

    figures, found = until(indexed)

    assert len(found.items) == 5
    assert found.next_after is not None
    assert sum(reason.count for reason in figures.reasons) == ROWS
