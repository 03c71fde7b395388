"""What the index behind the items table costs, and what its pages take.

A run of a hundred to a million items lies in a database of its own, made up with a seed: support
tickets, three criteria, answers of a word. The index is made by the code that makes it in a server.
Then every page is asked for some times as the dashboard asks, with other places in the list; the floor
is a plain select of as many items by their primary keys, in the same minutes.

``python -m benchmarks.items --items 1000000`` prints a line for each kind of page. `--url` names another
database than a new one of SQLite, as `postgresql+asyncpg://postgres@127.0.0.1:5432/empty`.
"""

import argparse
import asyncio
import math
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import orjson
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject
from evald.contract.projects import DEFAULT_PROJECT
from evald.indexing.indexing import Indexer
from evald.rules.item_query import ItemQuery, Range, Sort
from evald.rules.tally import Counted
from evald.rules.verdict import Outcome, item_status
from evald.sandbox.aside import ProcessAside
from evald.store import evals as eval_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.database import Database, open_database
from evald.store.item_figures import figures_of
from evald.store.item_search import find_items
from evald.store.migrate import migrate
from evald.store.output_items import NewItem
from evald.store.runs import NewRun
from evald.store.tables import output_items, runs

PAGE: Final = 51
BY_LATENCY: Final = Sort("latency", is_descending=True)
ASKED: Final = 30
INSERTED_AT_ONCE: Final = 1000
VOCABULARY: Final = 30_000
TEAMS: Final = ("billing", "technical", "sales", "shipping", "returns")
COUNTRIES: Final = ("DE", "FR", "IT", "ES", "PL", "US", "GB", "JP")
ERRORS: Final = (
    "Rate limit reached, try again in {} s.",
    "The judge gave no verdict.",
    "Timed out.",
)
CRITERIA: Final[list[JsonObject]] = [
    {
        "id": "team-1",
        "type": "string_check",
        "name": "Correct team",
        "input": "{{ sample.output_text }}",
        "operation": "eq",
        "reference": "{{ item.team }}",
    },
    {"id": "tone-1", "type": "score_model", "name": "Tone", "pass_threshold": 0.7},
    {"id": "json-1", "type": "label_model", "name": "Language"},
]


class Tickets:
    """Makes up output items; the same seed makes the same ones."""

    def __init__(self, run_id: str, seed: int = 1) -> None:
        self.run_id = run_id
        self.chance = random.Random(seed)
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        self.words = [
            "".join(self.chance.choices(letters, range(26, 0, -1), k=self.chance.randint(2, 11)))
            for _ in range(VOCABULARY)
        ]

    def said(self, number: int) -> str:
        """Give a text of so many words, common ones often."""
        chance = self.chance
        return " ".join(self.words[int(VOCABULARY ** chance.random()) - 1] for _ in range(number))

    def item(self, row: int) -> NewItem:
        """Give the item of a row."""
        chance = self.chance
        error = self._error()
        team, tone = chance.choice(TEAMS), min(1.0, chance.gauss(0.8, 0.12))
        answer = team if chance.random() < 0.93 else chance.choice(TEAMS)
        outcomes: tuple[Outcome, ...] = ("errored",) * 3
        if error is None:
            outcomes = (
                "passed" if answer == team else "failed",
                "passed" if tone >= 0.7 else "failed",
                "passed" if chance.random() < 0.98 else "failed",
            )
        status = item_status(outcomes)
        item_id = f"outputitem_{self.run_id[-8:]}{row:024x}"
        body = self._body(item_id, row, team, answer)
        body["status"], body["sample"]["error"] = status, error
        body["results"] = [
            {
                "name": each["id"],
                "type": each["type"],
                "passed": outcome == "passed",
                "score": round(tone, 3) if place == 1 else float(outcome == "passed"),
                "sample": None,
                **({} if error is None else {"error": {"code": "no_sample", "message": "None."}}),
            }
            for place, (each, outcome) in enumerate(zip(CRITERIA, outcomes, strict=True))
        ]
        return NewItem(
            item_id, row, orjson.dumps(body).decode(), Counted(status, outcomes, ()), None
        )

    def _error(self) -> dict[str, str] | None:
        if self.chance.random() > 0.003:
            return None
        message = self.chance.choice(ERRORS).format(self.chance.randint(1, 60))
        return {"code": "model_error", "message": message}

    def _body(self, item_id: str, row: int, team: str, answer: str) -> dict[str, Any]:
        chance = self.chance
        subject, ticket = self.said(6), self.said(60)
        return {
            "object": "eval.run.output_item",
            "id": item_id,
            "created_at": 1_790_000_000,
            "run_id": self.run_id,
            "eval_id": "eval_benchmark",
            "datasource_item_id": row,
            "datasource_item": {
                "ticket_number": row,
                "subject": subject,
                "ticket": ticket,
                "team": team,
                "country": chance.choice(COUNTRIES),
            },
            "sample": {
                "input": [
                    {"role": "system", "content": "Name the team that takes the ticket."},
                    {"role": "user", "content": f"{subject}\n\n{ticket}"},
                ],
                "output": [{"role": "assistant", "content": answer}],
                "finish_reason": "stop",
                "model": "model-1",
                "usage": {
                    "total_tokens": 120 + int(chance.gammavariate(2, 40)),
                    "completion_tokens": 3,
                    "prompt_tokens": 117,
                    "cached_tokens": 0,
                },
                "temperature": 1.0,
                "top_p": 1.0,
                "seed": 42,
            },
            "_datasource_item_content_hash": f"{chance.getrandbits(256):064x}",
            "evald": {
                "latency_ms": round(math.exp(chance.gauss(6, 0.7)), 1),
                "attempts": 2 if chance.random() < 0.01 else 1,
                "judge_usage": [],
            },
        }


@dataclass(frozen=True)
class Pages:
    """One kind of page."""

    name: str
    query: ItemQuery


def kinds(tickets: Tickets, reason: str) -> list[Pages]:
    """Give the kinds of pages that are measured."""
    common, usual, rare = tickets.words[0], tickets.words[300], tickets.words[-5]
    return [
        Pages("by row", ItemQuery()),
        Pages("failed, by row", ItemQuery(status="fail")),
        Pages("errored, by row", ItemQuery(status="error")),
        Pages("a criterion failed", ItemQuery(verdicts=((2, "failed"),))),
        Pages("two criteria", ItemQuery(verdicts=((0, "failed"), (1, "passed")))),
        Pages("a reason", ItemQuery(reason=reason)),
        Pages("a field", ItemQuery(fields=(("country", "JP"),))),
        Pages("one row by its field", ItemQuery(fields=(("ticket_number", "77"),))),
        Pages("latency 2 to 2.1 s", ItemQuery(latency_ms=Range(2000, 2100))),
        Pages("tone below 0.45", ItemQuery(scores=((1, Range(None, 0.45)),))),
        *(
            Pages(f"{order} {way}", ItemQuery(status=status, sort=Sort(order, 1, down)))  # type: ignore[arg-type]
            for order in ("latency", "tokens", "score")
            for way, down, status in (
                ("up", False, None),
                ("down", True, None),
                ("down, failed", True, "fail"),
                ("down, errored", True, "error"),
            )
        ),
        Pages(
            "latency down, a criterion",
            ItemQuery(verdicts=((2, "failed"),), sort=BY_LATENCY),
        ),
        Pages(
            "latency down, a field",
            ItemQuery(fields=(("country", "JP"),), sort=BY_LATENCY),
        ),
        Pages("search: a rare word", ItemQuery(text=rare)),
        Pages("search: a usual word", ItemQuery(text=usual)),
        Pages("search: a common word", ItemQuery(text=common)),
        Pages("search: three words", ItemQuery(text=f"{common} {tickets.words[1]} {usual}")),
        Pages("search: two letters", ItemQuery(text="te")),
        Pages("search: a word, failed", ItemQuery(text=usual, status="fail")),
        Pages("search: rare, by latency", ItemQuery(text=rare, sort=BY_LATENCY)),
        Pages("search: usual, by latency", ItemQuery(text=usual, sort=BY_LATENCY)),
        Pages("search: common, by latency", ItemQuery(text=common, sort=BY_LATENCY)),
    ]


async def main() -> None:
    """Make the run and its index, and measure every kind of page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.items", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--url", help="a database to use instead of a new one of SQLite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(asked.url or f"sqlite+aiosqlite:///{folder}/evald.db")
        await migrate(database)
        await measure(database, asked.items, None if asked.url else Path(folder, "evald.db"))
        await database.close()


async def measure(database: Database, items: int, file: Path | None) -> None:
    """Measure it all on an empty database."""
    tickets = Tickets("evalrun_benchmark")
    await fill(database, tickets, items)
    before = await size(database, file)
    await index(database, items)
    after = await size(database, file)
    print(f"index: {(after - before) / items:,.0f} bytes an item beside {before / items:,.0f}")
    print(f"{'':28} {'median':>9} {'longest':>9} {'x floor':>8}")
    floor = await floor_of(database)
    print(f"{'select by primary key':28} {floor:7.2f} ms")
    figures, seconds = await timed(lambda: database.read(lambda c: figures_of(c, tickets.run_id)))
    print(f"{'figures':28} {1000 * seconds:7.2f} ms")
    reason = figures.reasons[0].key if figures.reasons else ""
    for pages in kinds(tickets, reason):
        await report(database, tickets.run_id, pages, floor)


async def fill(database: Database, tickets: Tickets, items: int) -> None:
    """Make the run with its items."""
    of_eval = Eval("eval_benchmark", DEFAULT_PROJECT, "Tickets", 1, 1, {}, CRITERIA, {})
    new = NewRun(tickets.run_id, of_eval.id, "run", "m", 1, "{}", {}, None, {}, len(CRITERIA), None)

    async def begin(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, of_eval)
        await run_store.insert_run(connection, new)

    await database.write(begin)
    counts = {"pass": 0, "fail": 0, "error": 0}
    for first in range(0, items, INSERTED_AT_ONCE):
        made = [tickets.item(row) for row in range(first, min(items, first + INSERTED_AT_ONCE))]
        for item in made:
            counts[item.counted.status] += 1
        await database.write(lambda c, made=made: item_store.insert_items(c, new.id, made))  # type: ignore[misc]
    ended = update(runs).where(runs.c.id == new.id)
    values = {"passed": counts["pass"], "failed": counts["fail"], "errored": counts["error"]}
    await database.write(lambda c: c.execute(ended.values(status="completed", **values)))


async def size(database: Database, file: Path | None) -> int:
    """Give the bytes of the database."""
    if file is None:
        return await database.read(_postgres_size)
    return sum(each.stat().st_size for each in (file, Path(f"{file}-wal")) if each.exists())


async def _postgres_size(connection: AsyncConnection) -> int:
    found = await connection.execute(text("SELECT pg_database_size(current_database())"))
    number: int = found.scalar_one()
    return number


async def index(database: Database, items: int) -> None:
    """Make the index, and say how long it took and for how long others could not write."""
    aside = ProcessAside()
    held: list[float] = []
    write = database.write

    async def timing(work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        began = perf_counter()
        done = await write(work)
        held.append(perf_counter() - began)
        return done

    object.__setattr__(database, "write", timing)
    _, seconds = await timed(Indexer(database, aside).catch_up)
    object.__setattr__(database, "write", write)
    await aside.close()
    held.sort()
    print(
        f"index: {items / seconds:,.0f} items/s; the writer was held {1000 * median(held):.0f} ms, "
        f"99 of 100 times at most {1000 * held[int(0.99 * len(held))]:.0f} ms, "
        f"{1000 * held[-1]:.0f} ms at the longest"
    )


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[Any, float]:
    """Give what work gives, and the seconds that it took."""
    began = perf_counter()
    return await work(), perf_counter() - began


async def floor_of(database: Database) -> float:
    """Give the milliseconds that it takes to read a page of items by their primary keys."""
    chance = random.Random(1)
    last = await database.read(lambda c: c.scalar(select(func.max(output_items.c.seq))))
    seconds = []
    for _ in range(ASKED):
        first = chance.randrange(max(1, (last or 0) - PAGE))
        statement = select(output_items.c.id, output_items.c.body).where(
            output_items.c.seq.in_(range(first, first + PAGE))
        )
        _, took = await timed(lambda s=statement: database.read(lambda c: _all(c, s)))  # type: ignore[misc]
        seconds.append(took)
    return 1000 * median(seconds)


async def _all(connection: AsyncConnection, statement: Any) -> Sequence[Any]:
    return (await connection.execute(statement)).all()


async def report(database: Database, run_id: str, pages: Pages, floor: float) -> None:
    """Ask for pages of a kind: the first one, those behind it, and those before those."""
    seconds, found, after, before = [], None, None, None
    number = 0
    for turn in range(ASKED):
        found, took = await timed(
            lambda a=after, b=before: database.read(  # type: ignore[misc]
                lambda c: find_items(c, run_id, pages.query, after=a, before=b, limit=PAGE - 1)
            )
        )
        seconds.append(took)
        number = max(number, len(found.items))
        onward = turn < 2 * ASKED // 3
        after = found.next_after if onward else None
        before = None if onward else found.previous_before
    milliseconds = 1000 * median(seconds)
    print(
        f"{pages.name:28} {milliseconds:6.2f} ms {1000 * max(seconds):6.1f} ms "
        f"{milliseconds / floor:7.1f}  ({number} items{', cut' if found and found.is_cut else ''})",
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(main())
