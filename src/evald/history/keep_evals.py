"""Keep the evals of a batch."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.history.outcome import Fate, Note, Outcome
from evald.history.reading import LONGEST_MESSAGE, LineError, ReadEval
from evald.store import evals as eval_store
from evald.store import imported as history_store

ID_TAKEN: Final = "id_taken"


async def keep_evals(
    connection: AsyncConnection,
    read: Sequence[ReadEval],
    faults: Mapping[int, Sequence[str]],
    outcome: Outcome,
) -> None:
    """Keep evals that are not here yet, and say what became of each.

    `faults` are by the number of the line; they are told of those that come in.
    """
    projects = await history_store.projects_of_evals(connection, {each.new.id for each in read})
    for each in read:
        new = each.new
        project_id = projects.get(new.id)
        if project_id is None:
            await eval_store.insert_eval(connection, new)
            projects[new.id] = new.project_id
            fate: Fate = "imported"
        elif project_id != new.project_id:
            outcome.fail(taken(each.line, new.id, "eval"))
            continue
        else:
            fate = await _beside_the_known(connection, new)
        outcome.count("evals", fate)
        if fate == "different":
            outcome.tell(other_stays(each.line, new.id, "eval"))
        elif fate != "existing":
            for fault in faults[each.line]:
                outcome.tell(Note(each.line, new.id, fault[:LONGEST_MESSAGE]))


async def _beside_the_known(connection: AsyncConnection, new: Eval) -> Fate:
    """Say what becomes of an eval whose id is known, and replace one that was only put together."""
    known = await eval_store.get_eval(connection, new.project_id, new.id)
    if new.imported is None or new.imported.reconstructed:  # it tells nothing that is not known
        return "existing"
    if known.imported is not None and known.imported.reconstructed:
        # No run was made here by the criteria that go: an eval that was put together takes none.
        await history_store.replace_eval(connection, new)
        return "replaced"
    return "existing" if _said(known) == _said(new) else "different"


def _said(of_eval: Eval) -> dict[str, object]:
    return {key: value for key, value in of_eval.as_json().items() if key != "evald"}


def taken(line: int, id_: str, what: str) -> LineError:
    """Give the error of an id that somebody else's object has, which is all that is told of it."""
    return LineError(line, id_, ID_TAKEN, f"The id of this {what} is taken.")


def other_stays(line: int, id_: str, what: str) -> Note:
    """Give the note on an object of which another form is here."""
    return Note(line, id_, f"Another {what} of this id is here and says something else; it stays.")
