"""The rows that all benchmarks use: short questions, three in four with the right answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson


@dataclass(frozen=True)
class Row:
    """A question, which the model server repeats, and the answer that counts as right."""

    question: str
    answer: str


def rows(count: int) -> list[Row]:
    """Give so many rows; each fourth one has an answer that the model server will not give."""
    return [row(number) for number in range(count)]


def row(number: int) -> Row:
    """Give the row with this number."""
    question = f"Please repeat this line: row {number} is here"
    return Row(question, "something else" if number % 4 == 3 else question)


def passing(count: int) -> int:
    """Give how many of so many rows pass."""
    return count - count // 4


def jsonl(rows: Sequence[Row]) -> bytes:
    """Give the rows as the file that a user of the Evals API uploads."""
    lines = [orjson.dumps({"item": {"question": r.question, "answer": r.answer}}) for r in rows]
    return b"\n".join(lines) + b"\n"
