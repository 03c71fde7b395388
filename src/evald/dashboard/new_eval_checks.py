"""What can be seen to be wrong with the form of a new eval, before anything is asked of the product."""

from collections.abc import Iterable, Iterator
from typing import Final

from evald.dashboard.form_faults import FormFault
from evald.dashboard.new_eval_form import NewEvalForm
from evald.dashboard.new_eval_requests import (
    GivenRows,
    fields_of_params,
    number_in,
    prompt_messages,
)
from evald.rules.template_use import template_use

_NEEDED: Final = {
    "name": "Give the eval a name.",
    "model": "Name the model that is to answer.",
    "check_input": "Say which text is looked at.",
    "check_reference": "Write the text that it is compared with.",
    "alike_input": "Say which text is looked at.",
    "alike_reference": "Write the text that it is compared with.",
    "alike_threshold": "Say from which similarity on a row passes, such as 0.8.",
    "label_judge": "Name the model that judges.",
    "label_prompt": "Tell the judge what to look for.",
    "labels": "Give at least one label.",
    "passing_labels": "Say with which labels a row passes.",
    "score_judge": "Name the model that judges.",
    "score_prompt": "Tell the judge what to look for.",
    "score_min": "Give the lowest score.",
    "score_max": "Give the highest score.",
    "python_source": "Write a program with a function grade(sample, item).",
}
_FIELDS_OF: Final[dict[str, tuple[str, ...]]] = {
    "string_check": ("check_input", "check_reference"),
    "text_similarity": ("alike_input", "alike_reference", "alike_threshold"),
    "label_model": ("label_judge", "label_prompt", "labels", "passing_labels"),
    "score_model": ("score_judge", "score_prompt", "score_min", "score_max"),
    "python": ("python_source",),
}
_TEMPLATES_OF: Final[dict[str, tuple[str, ...]]] = {
    "string_check": ("check_input", "check_reference"),
    "text_similarity": ("alike_input", "alike_reference"),
    "label_model": ("label_prompt",),
    "score_model": ("score_prompt",),
    "python": (),
}
_NUMBERS_OF: Final[dict[str, tuple[str, ...]]] = {
    "text_similarity": ("alike_threshold",),
    "score_model": ("score_min", "score_max", "score_threshold"),
}


def faults_of_form(form: NewEvalForm, given: GivenRows) -> list[FormFault]:
    """Give what can be seen to be wrong before anything is asked of the product."""
    return [*_lacking(form, given), *_no_numbers(form), *_misused(form, given)]


def notes_of_form(form: NewEvalForm, given: GivenRows) -> tuple[str, ...]:
    """Give what may be meant so, and may be a slip."""
    uses = [
        template_use(text, given.rows, sees_sample=sees_sample)
        for _, text, sees_sample in _templates(form)
    ]
    return tuple(dict.fromkeys(note for use in uses for note in use.notes))


def _lacking(form: NewEvalForm, given: GivenRows) -> Iterator[FormFault]:
    for field in ("name", "model"):
        if not getattr(form, field).strip():
            yield FormFault(field, _NEEDED[field])
    if given.fault or not (given.rows or given.problems):
        yield FormFault(
            fields_of_params(form)["data_source.source"], given.fault or "Give at least one row."
        )
    elif given.problems:
        number = len(given.problems) + given.hidden_problems
        lines = "A line" if number == 1 else f"{number:,} lines"
        yield FormFault(
            fields_of_params(form)["data_source.source"],
            f"{lines} cannot be read; what to do stands beside the rows under Preview.",
        )
    if not prompt_messages(form):
        yield FormFault("user", "Write what the model is asked, such as {{ item.question }}.")
    for field in _FIELDS_OF[form.grader]:
        if not getattr(form, field).strip():
            yield FormFault(field, _NEEDED[field])


def _no_numbers(form: NewEvalForm) -> Iterator[FormFault]:
    for field in ("temperature", "max_tokens", *_NUMBERS_OF.get(form.grader, ())):
        text = getattr(form, field)
        if text.strip() and number_in(text) is None:
            yield FormFault(field, "This is no number. Write one such as 1 or 0.5.")
    limit = number_in(form.max_tokens)
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        yield FormFault("max_tokens", "Write a whole number from 1 on.")


def _misused(form: NewEvalForm, given: GivenRows) -> Iterator[FormFault]:
    for field, text, sees_sample in _templates(form):
        use = template_use(text, given.rows, sees_sample=sees_sample)
        yield from (FormFault(field, fault) for fault in use.faults)


def _templates(form: NewEvalForm) -> Iterable[tuple[str, str, bool]]:
    yield "system", form.system, False
    yield "user", form.user, False
    for field in _TEMPLATES_OF[form.grader]:
        yield field, getattr(form, field), True
