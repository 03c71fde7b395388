"""The page of the form that repeats a run, and the one that says why a run cannot be repeated."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from evald.contract.json_types import JsonObject
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.again_form import ROLES, AgainForm, TypedMessage, can_be_changed, template_of
from evald.dashboard.form_faults import FormFaults
from evald.dashboard.form_preview import ShownMessage, shown_messages
from evald.dashboard.frame import Frame
from evald.dashboard.reading import object_of, text_of
from evald.dashboard.rendering import render
from evald.dashboard.texts import Text, as_json, clip
from evald.rules.template import RowNamespaces
from evald.rules.template_use import gaps_of_row
from evald.runs.again import Changes, Origin, Repeat
from evald.runs.recipe import messages_of

_NAME_LIMIT = 200
_ITEM_LIMIT = 2_000
_KEPT_LIMIT = 2_000
_MOST_GAPS = 10

ROWS_FROM: Final[Mapping[Origin, str]] = {
    "file": "The same rows: those of its file.",
    "kept": "The same rows: those that the run was created with.",
    "imported": "The same rows: those that the run was imported with.",
    "stored": "What is stored now and fits the filter of the run, so they may be other rows.",
}


@dataclass(frozen=True, slots=True)
class AgainPage:
    """All that the page shows. `changes` is None while there are faults."""

    frame: Frame
    repeat: Repeat
    form: AgainForm
    nonce: str
    faults: FormFaults
    models: Sequence[str]
    row: JsonObject | None
    """The first row, or None where it is not known."""
    changes: Changes | None


def render_again(page: AgainPage) -> str:
    """Give the page as HTML."""
    run, plan = page.repeat.run, page.repeat.plan
    messages = list(enumerate(page.form.messages)) if can_be_changed(plan) else []
    return render(
        "again.html",
        page.frame,
        **_names(page.repeat.of_eval.name, run.name),
        addresses=ReportAddresses(run.eval_id, run.id, page.frame.root),
        values=_values(page.form),
        nonce=page.nonce,
        faults=page.faults,
        models=[clip(model, _NAME_LIMIT).shown for model in page.models],
        is_sampled=bool(plan.get("model")),
        has_template=template_of(plan) is not None,
        messages=[_field(number, message) for number, message in messages],
        next_number=len(messages),
        roles=ROLES,
        reference=text_of(object_of(plan.get("input_messages")).get("item_reference"))[
            :_NAME_LIMIT
        ],
        rows_from=ROWS_FROM[page.repeat.origin],
        row_count=_row_count(page),
        model=page.form.model.strip()[:_NAME_LIMIT],
        prompt=_prompt(page),
        gaps=_gaps(page),
        item=as_json(page.row["item"], _ITEM_LIMIT) if page.row else None,
    )


def render_unrepeatable(
    frame: Frame, addresses: ReportAddresses, names: tuple[str, str], reason: str
) -> str:
    """Give the page that says why a run cannot be repeated. `names` are the eval's and its own."""
    return render("unrepeatable.html", frame, **_names(*names), addresses=addresses, reason=reason)


@dataclass(frozen=True, slots=True)
class MessageField:
    """A message as a field of the form, or as it stays."""

    number: int
    role: str
    roles: Sequence[str]
    kept: Text | None


def _field(number: int, message: TypedMessage) -> MessageField:
    role = clip(message.role, _NAME_LIMIT).shown
    roles = ROLES if role in ROLES else (*ROLES, role)
    kept = None if message.kept is None else as_json(message.kept.get("content"), _KEPT_LIMIT)
    return MessageField(number, role, roles, kept)


def _values(form: AgainForm) -> Mapping[str, str]:
    texts = {name: text for name, text in asdict(form).items() if isinstance(text, str)}
    typed = {f"text_{number}": each.text for number, each in enumerate(form.messages)}
    return {f"text_{len(form.messages)}": "", **texts, **typed}


def _names(eval_name: str, run_name: str) -> dict[str, str]:
    return {
        "eval_name": clip(eval_name.strip() or "Untitled eval", _NAME_LIMIT).shown,
        "run_name": clip(run_name.strip() or "Untitled run", _NAME_LIMIT).shown,
    }


def _row_count(page: AgainPage) -> int | None:
    """Give how many rows there will be, or None where that is not known."""
    if page.repeat.origin == "stored":
        return None
    known = page.repeat.run.row_count
    first = None if page.changes is None else page.changes.first_rows
    return known if first is None else min(first, known or first)


def _prompt(page: AgainPage) -> Sequence[ShownMessage]:
    """Give what the model will be sent for the first row; nothing where that is not known."""
    if page.changes is None or page.row is None or not page.changes.plan.get("model"):
        return ()
    return shown_messages(messages_of(page.changes.plan), RowNamespaces(page.row))


def _gaps(page: AgainPage) -> Sequence[str]:
    if page.changes is None or page.row is None:
        return ()
    template = object_of(page.changes.plan.get("input_messages")).get("template")
    return list(gaps_of_row(template, page.row))[:_MOST_GAPS]
