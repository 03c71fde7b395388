"""Rows made of stored responses."""

from collections.abc import Iterable, Sequence
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.projects import ProjectId
from evald.contract.run_data_sources import StoredResponsesSource
from evald.contract.stored_responses import METADATA, Chain, ResponseFilter, Tag
from evald.data_sources.logged import Logs, pairs_meant
from evald.errors import BadRequest
from evald.rules.response_chain import input_of
from evald.rules.response_input import asked_items
from evald.rules.stored_response import folded, number_text
from evald.store import stored_responses as response_store
from evald.store.stored_completions import Place
from evald.store.stored_responses import LoggedResponse

LONGEST_PAST_OF_ROWS: Final = 512 * 1024 * 1024
"""Characters of what was said before the responses of one run; each of its rows has its own past."""


def response_filter(
    source: StoredResponsesSource, config: JsonObject, project_id: ProjectId
) -> ResponseFilter:
    """Give the responses that both the run and its eval mean (contract section 5.4)."""
    pairs = sorted(pairs_meant(source.metadata, config))
    groups = [frozenset([(METADATA, name, value)]) for name, value in pairs]
    groups += [_tags(kind, texts) for kind, texts in _named(source) if texts]
    search = source.instructions_search
    return ResponseFilter(
        project_id,
        any_of=tuple(groups),
        instructions=folded(search) if search else None,
        created_after=source.created_after,
        created_before=source.created_before,
    )


def _tags(kind: str, texts: Sequence[str]) -> frozenset[Tag]:
    return frozenset((kind, "", text) for text in texts)


def _named(source: StoredResponsesSource) -> Iterable[tuple[str, Sequence[str]]]:
    """Give the other filters: a kind of tag, and the values of which one is enough."""
    yield "user", source.users or []
    yield "tool", source.tools or []
    yield "model", _given(source.model)
    yield "effort", _given(source.reasoning_effort)
    for kind, number in (("temperature", source.temperature), ("top_p", source.top_p)):
        yield kind, [] if number is None else [number_text(number)]


def _given(text: str | None) -> Sequence[str]:
    return [] if text is None else [text]


def logged_responses(wanted: ResponseFilter, *, with_samples: bool) -> Logs[LoggedResponse]:
    """Give the responses that fit; with samples their rows bring what was answered."""

    async def newest(connection: AsyncConnection, number: int) -> Place | None:
        if wanted.is_impossible:
            return None
        return await response_store.place_of_newest(connection, wanted, number)

    async def following(
        connection: AsyncConnection, number: int, first: Place | None, after: Place | None
    ) -> Sequence[LoggedResponse]:
        if wanted.is_impossible:
            return []
        return await response_store.next_responses(
            connection, wanted, number, first=first, after=after
        )

    past_size = 0

    def row(each: LoggedResponse) -> tuple[str, JsonValue]:
        nonlocal past_size
        past_size += each.chain.past_size
        if past_size > LONGEST_PAST_OF_ROWS:
            raise _too_much_past(filters)
        place = f"stored response {each.chain.turns[-1].id}"
        return place, _row(each.chain, with_sample=with_samples)

    filters = "metadata, model, users, tools, instructions_search, created_after or created_before"
    return Logs("stored responses", filters, newest, following, row)


def _row(chain: Chain, *, with_sample: bool) -> JsonObject:
    last = chain.turns[-1]
    response = orjson.loads(last.body)
    items: list[JsonValue] = [item for _, item in input_of(chain)]
    item: JsonObject = {
        "input": list(asked_items({**response, "input": items})),
        "metadata": response.get("metadata"),
        "response_id": last.id,
    }
    if chain.gap is not None:
        item["evald"] = {"gap": chain.gap.as_json()}
    return {"item": item, "sample": response} if with_sample else {"item": item}


def _too_much_past(filters: str) -> BadRequest:
    return BadRequest(
        "What was said before the stored responses that fit is longer than "
        f"{LONGEST_PAST_OF_ROWS // 2**20} MB, as each row has all of it. Give a limit, or narrow them "
        f"by {filters}.",
        param="data_source.source",
        code="rows_too_long",
    )
