"""Read output items for the index: pure work, in a thread or in a process beside the server."""

import os
from collections.abc import Sequence
from typing import Final

import orjson

from evald.contract.json_types import JsonObject
from evald.rules.item_facts import ItemFacts, ReadEval, facts_of, read_eval
from evald.store.item_pending import UnreadItem

POLITENESS: Final = 10
"""The niceness of the process beside: what is served and carried out goes first."""


def read_items(run_seq: int, testing_criteria: str, items: Sequence[UnreadItem]) -> list[ItemFacts]:
    """Give the facts of items of a run whose eval has these criteria, a JSON text."""
    of_eval = read_eval(orjson.loads(testing_criteria))
    return [_facts(run_seq, item, of_eval) for item in items]


def read_items_aside(
    run_seq: int, testing_criteria: str, items: Sequence[UnreadItem]
) -> list[ItemFacts]:
    """Do the same in a process that has nothing else to do."""
    os.setpriority(os.PRIO_PROCESS, 0, POLITENESS)
    return read_items(run_seq, testing_criteria, items)


def _facts(run_seq: int, item: UnreadItem, of_eval: ReadEval) -> ItemFacts:
    try:
        body: JsonObject = orjson.loads(item.body)
        return facts_of(run_seq, item.status, body, of_eval)
    except (ValueError, RecursionError):  # then it is found by its status alone
        return facts_of(run_seq, item.status, {}, of_eval)
