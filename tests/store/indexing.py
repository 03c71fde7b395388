"""Runs with realistic items, their index, and the same by going through all items."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject, JsonValue
from evald.indexing.indexing import Indexer
from evald.rules.bins import bins_of
from evald.rules.item_facts import ItemFacts, facts_of, read_eval
from evald.rules.tally import Counted
from evald.rules.verdict import Outcome, item_status
from evald.sandbox.aside import ProcessAside
from evald.store.database import Database
from evald.store.item_figures import Reason, RunFigures
from evald.store.output_items import NewItem
from evald.store.tables import evals, output_items, runs
from tests.store.records import fresh_id


async def indexed(database: Database) -> None:
    """Bring the index up to date."""
    aside = ProcessAside()
    await Indexer(database, aside).catch_up()
    await aside.close()


async def facts_of_all(connection: AsyncConnection, run_id: str) -> dict[str, ItemFacts]:
    """Give the facts of all items of a run, by their ids and in the order of their rows."""
    criteria = (
        select(evals.c.testing_criteria, runs.c.seq)
        .join(runs, runs.c.eval_id == evals.c.id)
        .where(runs.c.id == run_id)
    )
    of_run = (await connection.execute(criteria)).one()
    of_eval = read_eval(orjson.loads(of_run.testing_criteria))
    items = await connection.execute(
        select(output_items)
        .where(output_items.c.run_id == run_id)
        .order_by(output_items.c.row_index)
    )
    return {
        row.id: facts_of(of_run.seq, row.status, orjson.loads(row.body), of_eval) for row in items
    }


def counted(facts: Sequence[ItemFacts]) -> RunFigures:
    """Count what the figures of a run should be."""
    places = max((len(each.scores) for each in facts), default=0)
    scores = {
        place: bins_of(each.scores[place] for each in facts if each.scores[place] is not None)  # type: ignore[misc]
        for place in range(places)
    }
    reasons = Counter(
        Reason(each.reason.key, each.reason.label, each.reason.status, each.reason.criterion, 0)
        for each in facts
        if each.reason
    )
    return RunFigures(
        indexed=len(facts),
        latency=bins_of(each.latency_ms for each in facts if each.latency_ms is not None),
        tokens=bins_of(each.tokens for each in facts if each.tokens is not None),
        scores={place: bins for place, bins in scores.items() if bins.total},
        reasons=tuple(
            Reason(each.key, each.label, each.status, each.criterion, count)
            for each, count in reasons.items()
        ),
        retries=sum(each.retries for each in facts),
    )


@dataclass(frozen=True)
class Made:
    """What is particular about an item of a test."""

    row: int
    outcomes: tuple[Outcome, ...]
    scores: tuple[float, ...] = (1.0, 0.5)
    said: str = "billing"
    latency_ms: float | None = 20.0
    tokens: int = 100
    attempts: int = 1
    country: JsonValue = "DE"
    error: str | None = None


def made_item(made: Made) -> NewItem:
    """Give the output item, its body as a run writes it."""
    item_id = fresh_id("outputitem")
    status = "error" if made.error else item_status(made.outcomes)
    body: JsonObject = {
        "id": item_id,
        "status": status,
        "datasource_item_id": made.row,
        "datasource_item": {"ticket": f"Ticket {made.row}", "country": made.country},
        "results": [
            _result(place, outcome, score)
            for place, (outcome, score) in enumerate(zip(made.outcomes, made.scores, strict=True))
        ],
        "sample": {
            "input": [{"role": "user", "content": f"Which team takes ticket {made.row}?"}],
            "output": [{"role": "assistant", "content": made.said}],
            "usage": {"total_tokens": made.tokens},
            "error": made.error and {"code": "timeout", "message": made.error},
        },
        "evald": {"latency_ms": made.latency_ms, "attempts": made.attempts},
    }
    counted = Counted(status, made.outcomes, ())
    return NewItem(item_id, made.row, orjson.dumps(body).decode(), counted, made.error)


def _result(place: int, outcome: Outcome, score: float) -> JsonObject:
    passed = outcome == "passed"
    found: JsonObject = {"name": f"criterion-{place}", "passed": passed, "score": score}
    broken: JsonObject = {"error": {"code": "judge", "message": f"judge {place} broke"}}
    return {**found, **broken} if outcome == "errored" else found
