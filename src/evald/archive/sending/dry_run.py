"""What a dry run has to know of the lines before: the server that it asks keeps none of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal

import orjson

from evald.archive.sending import batches
from evald.archive.sending.batches import Batches
from evald.archive.sending.outcome import Origin

_NOT_COMPARED: Final = ("report_url", "evald")


@dataclass
class DryLines:
    """Lines of one kind, each judged as if those before it were kept.

    One whose parent is refused is refused, too. One whose id came before is asked about by itself, for
    its object may be at the server; where it is not, what came before decides.
    """

    asked: Batches
    parent: Literal["eval", "run"] | None = None
    parents: "DryLines | None" = None
    _eval_ids: dict[str, str] = field(default_factory=dict)
    """Of lines that were sent, the eval that they name; empty for those without children."""
    _said: dict[int, int] = field(default_factory=dict)
    """What was sent under each id, both as a hash: there may be millions."""

    def __post_init__(self) -> None:
        """Begin with nothing met."""
        self.refused: set[str] = set() if self.asked.refused is None else self.asked.refused
        self.asked.refused = self.refused
        self._same = replace(self.asked, take=partial(_met_before, fate="existing"), refused=None)
        self._other = replace(self.asked, take=partial(_met_before, fate="different"), refused=None)

    def add(self, line: bytes, origin: Origin) -> None:
        """Ask of a line, maybe later. Raises ServerGone."""
        value = orjson.loads(line)
        reason = self._refusal(value)
        if reason is not None:
            self.asked.counts.failed += 1
            self.asked.refuse(origin, reason)
        elif origin.id is None:
            self.asked.add(line, origin)
        elif self._was_taken(origin.id):
            self._again(value, origin.id).add(line, origin)
        else:
            self.refused.discard(origin.id)
            self._said[hash(origin.id)] = _hash_of(value)
            if self.parent == "eval":
                self._eval_ids[origin.id] = str(value.get("eval_id"))
            self.asked.add(line, origin)

    def send(self) -> None:
        """Ask of all that waits. Raises ServerGone."""
        for each in (self.asked, self._same, self._other):
            each.send()

    def _refusal(self, value: dict[str, Any]) -> str | None:
        """Say why the parent of a line would not take it; None when nothing is known against it."""
        parents, parent_id = self.parents, value.get(f"{self.parent}_id")
        if parents is None or not isinstance(parent_id, str):
            return None
        if parent_id in parents.refused:
            return f"Its {self.parent} '{parent_id}' is not taken."
        eval_id = parents._eval_ids.get(parent_id)
        if self.parent == "run" and eval_id is not None and eval_id != value.get("eval_id"):
            return f"Its run '{parent_id}' is none of the eval '{value.get('eval_id')}'."
        return None

    def _was_taken(self, id_: str) -> bool:
        if hash(id_) not in self._said:
            return False
        if self.asked.holds(id_):
            self.asked.send()
        return id_ not in self.refused

    def _again(self, value: dict[str, Any], id_: str) -> Batches:
        return self._same if self._said[hash(id_)] == _hash_of(value) else self._other


def _met_before(
    sent: Batches, said: Any, origins: Sequence[Origin], *, fate: Literal["existing", "different"]
) -> None:
    """Count lines whose ids came before: those that the server has not would be there by now."""
    told = {
        name: {**said[name], "imported": 0, fate: said[name][fate] + said[name]["imported"]}
        for name in batches.KINDS
    }
    batches.history(sent, {**said, **told}, origins)


def _hash_of(value: dict[str, Any]) -> int:
    compared = {key: each for key, each in value.items() if key not in _NOT_COMPARED}
    return hash(orjson.dumps(compared, option=orjson.OPT_SORT_KEYS))
