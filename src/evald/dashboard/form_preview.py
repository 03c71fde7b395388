"""What a run would do, before it is started: its rows, and what is made of the first one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject
from evald.dashboard.conversation import Speaker
from evald.dashboard.new_eval_checks import notes_of_form
from evald.dashboard.new_eval_form import OPERATIONS, NewEvalForm
from evald.dashboard.new_eval_requests import GivenRows, prompt_messages
from evald.dashboard.texts import Text, as_json, as_line, clip, content_text
from evald.rules.json_text import BadJson
from evald.rules.messages import Messages, UnusableMessages, compile_messages
from evald.rules.pasted_rows import Problem
from evald.rules.template import Namespaces, RowNamespaces, TextTooLong, compile_template
from evald.rules.template_use import reference_to

ANSWER: Final = "⟨the model’s answer⟩"
"""What stands for the sample, which there is none of before a run."""
MESSAGE_LIMIT: Final = 4_000
_MOST_MESSAGES: Final = 20
_MOST_ROWS: Final = 4
_MOST_NAMES: Final = 6
_CELL_LIMIT: Final = 120
_NAME_LIMIT: Final = 60
_ITEM_LIMIT: Final = 2_000


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message as the model, or a judge, is sent it."""

    role: str
    speaker: Speaker
    text: Text
    is_fault: bool = False
    """Whether it says why there is none."""


@dataclass(frozen=True, slots=True)
class FirstRows:
    """The first rows as a table, with a column for each field; `hidden_*` count what is left out."""

    names: tuple[tuple[str, str], ...]
    """Each field, and the reference by which a template calls it."""
    hidden_names: int
    rows: tuple[tuple[Text, ...], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a text of row 1 is compared with, and how."""

    text: Text
    how: str
    reference: Text


@dataclass(frozen=True, slots=True)
class Preview:
    """What is known of a run before it is started. What cannot be shown yet is None or empty.

    `number` counts the rows, and is None where a large file was not read to its end.
    """

    words: str
    number: int | None
    first_rows: FirstRows | None
    problems: tuple[Problem, ...]
    hidden_problems: int
    notes: tuple[str, ...]
    messages: tuple[ShownMessage, ...]
    compared: Comparison | None = None
    judge: str = ""
    judged: tuple[ShownMessage, ...] = ()
    item: Text | None = None
    """What a program is given as `item`."""


def preview_of(form: NewEvalForm, given: GivenRows) -> Preview:
    """Give the preview of a form with the rows that it brings."""
    row = RowNamespaces(given.rows[0].row) if given.rows else None
    seen: Namespaces | None = (
        None if row is None else {"item": row["item"], "sample": {"output_text": ANSWER}}
    )
    prompt = prompt_messages(form)
    judge, asked = _judge(form)
    return Preview(
        words=given.words,
        number=len(given.rows) if given.is_whole else None,
        first_rows=first_rows(given) if given.rows else None,
        problems=given.problems,
        hidden_problems=given.hidden_problems,
        notes=notes_of_form(form, given),
        messages=() if row is None else shown_messages(compile_messages(prompt), row),
        compared=None if seen is None else _comparison(form, seen),
        judge=judge,
        judged=() if seen is None or not asked else shown_messages(compile_messages(asked), seen),
        item=as_json(row["item"], _ITEM_LIMIT) if row and form.grader == "python" else None,
    )


def first_rows(given: GivenRows) -> FirstRows:
    """Give the first rows as a table."""
    items = [each.row["item"] for each in given.rows[:_MOST_ROWS]]
    objects = [item for item in items if isinstance(item, dict)]
    names = list(dict.fromkeys(name for item in objects for name in item))
    shown = names[:_MOST_NAMES]
    return FirstRows(
        names=tuple(
            (clip(name, _NAME_LIMIT).shown, clip(reference_to(name), _NAME_LIMIT + 20).shown)
            for name in shown
        ),
        hidden_names=len(names) - len(shown),
        rows=tuple(
            tuple(as_line(item.get(name, ""), _CELL_LIMIT) for name in shown) for item in objects
        ),
    )


def shown_messages(
    render: Callable[[Namespaces], Messages], row: Namespaces
) -> tuple[ShownMessage, ...]:
    """Give messages as they are made of a row, the first ones of many."""
    try:
        messages = render(row)
    except (TextTooLong, BadJson, UnusableMessages) as error:
        fault = clip(f"This row cannot be asked: {error}", MESSAGE_LIMIT)
        return (ShownMessage("", "other", fault, is_fault=True),)
    return tuple(_shown(message) for message in messages[:_MOST_MESSAGES])


def _shown(message: JsonObject) -> ShownMessage:
    role = str(message.get("role", ""))
    known: dict[str, Speaker] = {"user": "user", "assistant": "assistant"}
    text = clip(content_text(message.get("content")), MESSAGE_LIMIT)
    return ShownMessage(clip(role, _NAME_LIMIT).shown, known.get(role, "other"), text)


def _comparison(form: NewEvalForm, seen: Namespaces) -> Comparison | None:
    match form.grader:
        case "string_check":
            how = next(
                (each.label for each in OPERATIONS if each.value == form.check_operation), ""
            )
            return Comparison(
                _filled(form.check_input, seen), how, _filled(form.check_reference, seen)
            )
        case "text_similarity":
            how = f"is like this ({form.alike_metric}, {form.alike_threshold.strip()} or more)"
            return Comparison(
                _filled(form.alike_input, seen), how, _filled(form.alike_reference, seen)
            )
    return None


def _judge(form: NewEvalForm) -> tuple[str, Sequence[JsonObject]]:
    """Give the model that judges, and what it is asked; nothing where none does."""
    match form.grader:
        case "label_model":
            return form.label_judge.strip(), _asked(form.label_prompt)
        case "score_model":
            return form.score_judge.strip(), _asked(form.score_prompt)
    return "", ()


def _asked(prompt: str) -> Sequence[JsonObject]:
    return [{"role": "user", "content": prompt}] if prompt.strip() else []


def _filled(template: str, seen: Namespaces) -> Text:
    try:
        return clip(compile_template(template).render(RowNamespaces(seen)), MESSAGE_LIMIT)
    except (TextTooLong, BadJson) as error:
        return Text(f"This text cannot be made: {error}")
