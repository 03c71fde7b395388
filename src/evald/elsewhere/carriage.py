"""How much of an eval another tool has: each criterion exactly, nearly, or not, and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import ValidationError

from evald.contract.graders import AnyCriterion, AnyPart, Multi, TextSimilarity, kept_to_criterion
from evald.contract.json_types import JsonObject
from evald.contract.judges import LabelModel, ScoreModel
from evald.contract.python_grader import PythonGrader
from evald.elsewhere.given import Exported

How = Literal["exactly", "nearly", "not carried"]
ORDER: Final[Sequence[How]] = ("exactly", "nearly", "not carried")
LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of one criterion."""

    name: str
    """Its number and name, safe in any text."""
    how: How
    why: str
    """As what it is carried, and what differs."""


@dataclass(frozen=True)
class Files:
    """An export: files by their paths, and what became of each criterion."""

    files: Mapping[str, str]
    criteria: list[Carried]
    notes: list[str]


def carried(criterion: JsonObject, number: int, judge_way: str) -> Carried:
    """Say how evald's own grader carries a criterion; `judge_way` tells how judges are asked there."""
    name = safe_name(criterion, number)
    try:
        read = kept_to_criterion(criterion)
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        return Carried(name, "not carried", f"it cannot be read: {plain(why)}")
    how, why = _how(read, judge_way)
    return Carried(name, how, why)


def _how(criterion: AnyCriterion | AnyPart, judge_way: str) -> tuple[How, str]:
    match criterion:
        case TextSimilarity(evaluation_metric="cosine"):
            return "nearly", (
                "evald's own grader; set EVALD_EMBEDDINGS_MODEL to the embedding model of the server"
            )
        case TextSimilarity(evaluation_metric="meteor"):
            return (
                "nearly",
                "evald's own grader, where WordNet is installed; else it gives no verdict",
            )
        case LabelModel() | ScoreModel():
            return "nearly", f"evald's own grader; {judge_way}"
        case PythonGrader():
            return "nearly", (
                "its program runs in a process of its own, but WITHOUT evald's sandbox, and imports "
                "what is installed there"
            )
        case Multi():
            return _worst([_how(part, judge_way) for part in criterion.parts.values()])
    return "exactly", "evald's own grader"


def _worst(parts: Sequence[tuple[How, str]]) -> tuple[How, str]:
    how = max((how for how, _ in parts), key=ORDER.index)
    whys = dict.fromkeys(why for part, why in parts if part == how)
    return how, "; ".join(whys)


def any_carried(criteria: Sequence[Carried]) -> bool:
    """Say whether there is anything to write: an eval without criteria is whole."""
    return not criteria or any(each.how != "not carried" for each in criteria)


def runs_programs(criterion: JsonObject) -> bool:
    """Say whether a criterion is a program or has one among its parts."""
    parts = criterion.get("graders")
    parts = parts if isinstance(parts, dict) else {}
    return criterion.get("type") == "python" or any(
        isinstance(part, dict) and runs_programs(part) for part in parts.values()
    )


def safe_name(criterion: JsonObject, number: int) -> str:
    """Give the number of a criterion, from 1, and its name."""
    return f"{number + 1} {plain(str(criterion.get('name') or criterion.get('type')))}"


def plain(text: str) -> str:
    """Give a text from outside for a heading: on one line, without what any format would obey."""
    kept = re.sub(r"[^\w .,:;!?()+=/-]", "_", " ".join(text.split()))
    return kept[:LONGEST_NAME]


def page(exported: Exported, tool: str, how_to: str, criteria: Sequence[Carried]) -> str:
    """Give the README of an export: how it is run, and what carries over."""
    of_run = f", run `{plain(exported.run_id)}`" if exported.run_id else ""
    lines = [
        f"# {plain(exported.name)}, for {tool}",
        "",
        f"Exported from evald: eval `{plain(exported.eval_id)}`{of_run}.",
        "",
        how_to.strip(),
        "",
        "## What carries over",
        "",
        "| criterion | carried | as what, and what differs |",
        "|---|---|---|",
        *(f"| {each.name} | {each.how} | {each.why} |" for each in criteria),
        "",
    ]
    lines += [f"- {note}" for note in exported.notes]
    if any(each.how == "not carried" for each in criteria):
        lines.append("- A row passes here without the criteria that are not carried.")
    if any(runs_programs(criterion) for criterion in exported.criteria):
        lines.append(
            "- **Programs of python graders run here without a sandbox**: they may read, change and "
            "send whatever you may. Read them in the export before you run it."
        )
    return "\n".join(lines).rstrip() + "\n"
