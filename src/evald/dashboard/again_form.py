"""The form that repeats a run with changes: from the run to its fields, and from them to the request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.dashboard.form_faults import FormFault
from evald.dashboard.new_eval_requests import number_in
from evald.dashboard.reading import object_of, text_of
from evald.dashboard.texts import as_json, content_text
from evald.rules import json_text
from evald.rules.sample import TOKEN_LIMIT_NAMES
from evald.runs.again import Changes, named_again

MOST_MESSAGES: Final = 20
"""Messages that can be changed; those of a longer prompt stay as they are."""
LONGEST_TEXT: Final = 100_000
ROLES: Final = ("system", "developer", "user", "assistant")
FIELDS_OF_PARAMS: Final = {
    "name": "name",
    "data_source.model": "model",
    "data_source.sampling_params": "params",
    "data_source.sampling_params.temperature": "temperature",
    **{f"data_source.sampling_params.{name}": "max_tokens" for name in TOKEN_LIMIT_NAMES},
    "data_source.input_messages": "text_0",
    "first_rows": "first_rows",
}


@dataclass(frozen=True, slots=True)
class TypedMessage:
    """A message of the prompt: its text, or what it holds else, which stays as it is."""

    role: str
    text: str
    kept: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class AgainForm:
    """What somebody has typed, or what the run has."""

    name: str
    model: str
    temperature: str
    max_tokens: str
    params: str
    """All other sampling params, as JSON."""
    first_rows: str
    messages: tuple[TypedMessage, ...]


def form_of_run(name: str, plan: JsonObject) -> AgainForm:
    """Give the form as it is when it is opened. `plan` is the run's data source without rows."""
    params = object_of(plan.get("sampling_params"))
    limit_name = _limit_name(plan)
    others = {key: value for key, value in params.items() if key not in ("temperature", limit_name)}
    return AgainForm(
        name=named_again(name),
        model=text_of(plan.get("model")),
        temperature=_number_text(params.get("temperature")),
        max_tokens=_number_text(params.get(limit_name)),
        params=as_json(others, LONGEST_TEXT).shown if others else "",
        first_rows="",
        messages=tuple(map(_typed_message, template_of(plan) or ())),
    )


def again_form(sent: Mapping[str, str], plan: JsonObject) -> AgainForm:
    """Give the form as it was sent for a run with this plan."""
    texts = {name: text.replace("\r\n", "\n") for name, text in sent.items()}
    known = [_typed_message(each) for each in template_of(plan) or ()]
    return AgainForm(
        name=texts.get("name", "")[: MAX_NAME_LENGTH + 1],
        model=texts.get("model", ""),
        temperature=texts.get("temperature", ""),
        max_tokens=texts.get("max_tokens", ""),
        params=texts.get("params", ""),
        first_rows=texts.get("first_rows", ""),
        messages=tuple(_sent_messages(texts, known)),
    )


def template_of(plan: JsonObject) -> Sequence[JsonObject] | None:
    """Give the messages of a prompt that is a template, or None for any other and for none."""
    match plan.get("input_messages"):
        case {"type": "template", "template": list(template)}:
            return [message for message in template if isinstance(message, dict)]
    return None


def can_be_changed(plan: JsonObject) -> bool:
    """Say whether the messages of a prompt are fields of the form."""
    template = template_of(plan)
    return template is not None and len(template) <= MOST_MESSAGES and not _is_long(template)


def faults_of_again(form: AgainForm, plan: JsonObject) -> Iterator[FormFault]:
    """Give what can be seen to be wrong before anything is asked of the product."""
    if plan.get("model") and not form.model.strip():
        yield FormFault("model", "Name the model that is to answer.")
    if can_be_changed(plan) and not _messages(form):
        yield FormFault("text_0", "Write what the model is asked.")
    for field in ("temperature", "max_tokens"):
        text = str(getattr(form, field))
        if text.strip() and number_in(text) is None:
            yield FormFault(field, "This is no number. Write one such as 1 or 0.5.")
    for field in ("max_tokens", "first_rows"):
        text = str(getattr(form, field)).strip()
        if text and not (text.isascii() and text.isdecimal() and len(text) < 16 and int(text) > 0):
            yield FormFault(field, "Write a whole number from 1 on.")
    if _other_params(form) is None:
        yield FormFault("params", 'Write a JSON object, such as {"seed": 42}.')


def changes_of(form: AgainForm, plan: JsonObject) -> Changes:
    """Give the changes that a form without faults asks for."""
    changed = dict(plan)
    if plan.get("type") != "jsonl" and plan.get("model"):
        changed["model"] = form.model.strip()
        params: JsonObject = {**(_other_params(form) or {})}
        numbers = (("temperature", form.temperature), (_limit_name(plan), form.max_tokens))
        params |= {key: number_in(text) for key, text in numbers if text.strip()}
        changed["sampling_params"] = params or None
    if can_be_changed(plan):
        changed["input_messages"] = {"type": "template", "template": list(_messages(form))}
    first = form.first_rows.strip()
    return Changes(form.name.strip() or "Untitled run", changed, int(first) if first else None)


def _typed_message(message: JsonObject) -> TypedMessage:
    content, role = message.get("content"), text_of(message.get("role"))
    match content:
        case str() | {"type": "input_text" | "output_text"}:
            return TypedMessage(role, content_text(content))
    return TypedMessage(role, "", message)


def _sent_messages(
    texts: Mapping[str, str], known: Sequence[TypedMessage]
) -> Iterator[TypedMessage]:
    """Give the messages of a form; those that hold more than a text are as the run has them."""
    for number, message in enumerate([*known, TypedMessage("user", "")][: MOST_MESSAGES + 1]):
        if message.kept is not None:
            yield message
            continue
        role = texts.get(f"role_{number}", message.role)
        text = texts.get(f"text_{number}", "")
        if number < len(known) or text.strip():
            yield TypedMessage(role, text)


def _messages(form: AgainForm) -> list[JsonValue]:
    """Give the messages that are not blank."""
    return [
        {"role": each.role, "content": each.text} if each.kept is None else each.kept
        for each in form.messages
        if each.kept is not None or each.text.strip()
    ]


def _is_long(template: Sequence[JsonObject]) -> bool:
    return sum(len(content_text(message.get("content"))) for message in template) > LONGEST_TEXT


def _limit_name(plan: JsonObject) -> str:
    """Give the name under which the run limits its tokens, or would."""
    params = object_of(plan.get("sampling_params"))
    usual = "max_output_tokens" if plan.get("type") == "responses" else "max_completion_tokens"
    return next((name for name in TOKEN_LIMIT_NAMES if params.get(name) is not None), usual)


def _other_params(form: AgainForm) -> JsonObject | None:
    """Give the params of the JSON field, or None where it holds no object."""
    if not form.params.strip():
        return {}
    try:
        value = json_text.parse(form.params.encode())
    except json_text.BadJson:
        return None
    return value if isinstance(value, dict) else None


def _number_text(value: JsonValue) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value}" if is_number else ""
