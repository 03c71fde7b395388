"""The two kinds of answers that are kept: chat completions and responses."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.contract.stored_completions import StoredCompletion
from evald.contract.stored_responses import StoredResponse
from evald.ids import new_completion_id, new_response_id
from evald.rules import stored_completion, stored_response
from evald.rules.stored_completion import Origin
from evald.store import stored_completions as completion_store
from evald.store import stored_responses as response_store

Stored = TypeVar("Stored", StoredCompletion, StoredResponse)


@dataclass(frozen=True)
class Kind(Generic[Stored]):
    """How the answers of one API are put together and saved."""

    name: str
    put_together: Callable[[JsonObject, JsonObject, Origin], Stored]
    """Makes it of a request and its answer. Raises BadJson."""
    with_id: Callable[[Stored, str], Stored]
    new_id: Callable[[], str]
    said: tuple[str, ...]
    """The keys by which two answers with the same id are the same."""
    known_ids: Callable[[AsyncConnection, ProjectId, Sequence[str]], Awaitable[set[str]]]
    known_bodies: Callable[[AsyncConnection, ProjectId, Sequence[str]], Awaitable[dict[str, str]]]
    insert: Callable[[AsyncConnection, ProjectId, Sequence[Stored]], Awaitable[None]]
    delete_old: Callable[[AsyncConnection, ProjectId, int, int], Awaitable[int]]
    """Deletes some that are from before a time, as many as are said at most; gives their number."""


COMPLETIONS: Final = Kind[StoredCompletion](
    name="completion",
    put_together=stored_completion.stored_completion,
    with_id=stored_completion.with_id,
    new_id=new_completion_id,
    said=("created", "choices"),
    known_ids=completion_store.known_ids,
    known_bodies=completion_store.known_bodies,
    insert=completion_store.insert_completions,
    delete_old=completion_store.delete_old_completions,
)

RESPONSES: Final = Kind[StoredResponse](
    name="response",
    put_together=stored_response.stored_response,
    with_id=stored_response.with_id,
    new_id=new_response_id,
    said=("created_at", "output"),
    known_ids=response_store.known_ids,
    known_bodies=response_store.known_bodies,
    insert=response_store.insert_responses,
    delete_old=response_store.delete_old_responses,
)
