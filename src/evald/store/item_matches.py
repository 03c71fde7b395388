"""Which items of a run have some words and tags, by the index of words.

SQLite and Postgres each have their own; nothing of the language of either can be put into a search.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from evald.rules.item_keys import keys_of
from evald.rules.item_tags import run_tag
from evald.rules.words import Term
from evald.store.index_tables import SEARCH, item_texts

_search = table(SEARCH, column("rowid"))


class Matches:
    """The items of a run that have all of some words and tags."""

    def __init__(self, dialect: str, run_seq: int, terms: Sequence[Term]) -> None:
        """Look for them in this dialect of SQL."""
        self._terms = terms
        self._is_postgres = dialect == "postgresql"
        if self._is_postgres:
            # Its index knows no range of keys.
            terms = [Term(run_tag(run_seq)), *terms]
            parts = [f"'{each.word}'{':*' if each.is_beginning else ''}" for each in terms]
            self.key: ColumnElement[int] = item_texts.c.key
            self._has = item_texts.c.words.op("@@")(cast(literal(" & ".join(parts)), TSQUERY))
        else:
            parts = [f'"{each.word}"{" *" if each.is_beginning else ""}' for each in terms]
            self.key = _search.c.rowid
            self._has = literal_column(SEARCH).op("MATCH")(literal(" AND ".join(parts)))
        self.is_found = and_(self._has, self.key.between(*keys_of(run_seq)))
        """What holds of `key` where it is one of theirs."""

    def keys(self) -> Select[Any]:
        """Give their keys."""
        return select(self.key.label("key")).where(self.is_found)

    def is_one(self, key: ColumnElement[int]) -> ColumnElement[bool]:
        """Give what holds of the key of one of them. It looks at its text, and at no other."""
        has = [self._has] if self._is_postgres else map(_is_said, self._terms)
        return exists(literal_column("1")).where(item_texts.c.key == key, *has)


def _is_said(term: Term) -> ColumnElement[bool]:
    # SQLite's index would gather all items with the beginning of a word to tell it of one.
    said = literal(" ") + item_texts.c.words + " " + item_texts.c.tags + " "
    return func.instr(said, f" {term.word}{'' if term.is_beginning else ' '}") > 0
