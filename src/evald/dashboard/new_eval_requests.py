"""From the form of a new eval to the requests that the API would be sent for it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.new_eval_form import NewEvalForm, typed_lines
from evald.rules.inferred_schema import inferred_schema, open_schema
from evald.rules.pasted_rows import Problem, RowAt

_COMMON: Final = {
    "name": "name",
    "data_source_config": "rows",
    "data_source.source": "rows",
    "data_source.model": "model",
    "data_source.input_messages": "user",
    "data_source.sampling_params.temperature": "temperature",
    "data_source.sampling_params.max_completion_tokens": "max_tokens",
    "testing_criteria": "grader",
}
_OF_GRADERS: Final[dict[str, dict[str, str]]] = {
    "string_check": {"reference": "check_reference", "input": "check_input"},
    "text_similarity": {
        "reference": "alike_reference",
        "input": "alike_input",
        "evaluation_metric": "alike_metric",
        "pass_threshold": "alike_threshold",
    },
    "label_model": {
        "model": "label_judge",
        "input": "label_prompt",
        "labels": "labels",
        "passing_labels": "passing_labels",
    },
    "score_model": {
        "model": "score_judge",
        "input": "score_prompt",
        "range": "score_max",
        "pass_threshold": "score_threshold",
    },
    "python": {"source": "python_source", "type": "grader"},
}


@dataclass(frozen=True, slots=True)
class GivenRows:
    """The rows that a form brings or names, as far as they were read."""

    rows: tuple[RowAt, ...] = ()
    problems: tuple[Problem, ...] = ()
    hidden_problems: int = 0
    words: str = ""
    """What they are: `CSV`, say, or the name of a file."""
    file_id: str | None = None
    is_whole: bool = True
    """Whether these are all rows; of a large file only the first ones are read for a form."""
    fault: str = ""
    """Why there are none, or an empty text."""


def fields_of_params(form: NewEvalForm) -> Mapping[str, str]:
    """Give the field that makes each parameter of the requests."""
    of_grader = _OF_GRADERS[form.grader]
    places = {f"testing_criteria[0].{param}": field for param, field in of_grader.items()}
    # The rows are a text, or the id of a file.
    rows = {"paste": "rows", "upload": "upload"}.get(form.rows_from, "file_id")
    common = {param: rows if field == "rows" else field for param, field in _COMMON.items()}
    return {**common, **places}


def eval_request(form: NewEvalForm, given: GivenRows) -> JsonObject:
    """Give the body that creates the eval."""
    items = [_item(each.row) for each in given.rows]
    return {
        "name": form.name.strip(),
        "data_source_config": {
            "type": "custom",
            "item_schema": inferred_schema(items) if given.is_whole else open_schema(items),
            "include_sample_schema": True,
        },
        "testing_criteria": [_criterion(form)],
    }


def run_request(form: NewEvalForm, given: GivenRows) -> JsonObject:
    """Give the body that creates the run."""
    source: JsonObject = {"type": "file_content", "content": [each.row for each in given.rows]}
    if given.file_id is not None:
        source = {"type": "file_id", "id": given.file_id}
    params: JsonObject = {
        name: number
        for name, field in (
            ("temperature", form.temperature),
            ("max_completion_tokens", form.max_tokens),
        )
        if (number := number_in(field)) is not None
    }
    data_source: JsonObject = {
        "type": "completions",
        "source": source,
        "model": form.model.strip(),
        "input_messages": {"type": "template", "template": list(prompt_messages(form))},
    }
    if params:
        data_source["sampling_params"] = params
    return {"name": form.model.strip(), "data_source": data_source}


def prompt_messages(form: NewEvalForm) -> Sequence[JsonObject]:
    """Give the messages of the prompt, without those that are blank."""
    roles = (("system", form.system), ("user", form.user))
    return [{"role": role, "content": text} for role, text in roles if text.strip()]


def number_in(text: str) -> int | float | None:
    """Give the number that a field holds, or None where it holds none."""
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _criterion(form: NewEvalForm) -> JsonObject:
    match form.grader:
        case "text_similarity":
            return {
                "type": "text_similarity",
                "name": "Similar to the reference",
                "input": form.alike_input,
                "reference": form.alike_reference,
                "evaluation_metric": form.alike_metric,
                "pass_threshold": number_in(form.alike_threshold),
            }
        case "label_model":
            return {
                "type": "label_model",
                "name": "Label of the judge",
                "model": form.label_judge.strip(),
                "input": [{"role": "user", "content": form.label_prompt}],
                "labels": list(typed_lines(form.labels)),
                "passing_labels": list(typed_lines(form.passing_labels)),
            }
        case "score_model":
            limits: list[JsonValue] = [number_in(form.score_min), number_in(form.score_max)]
            return {
                "type": "score_model",
                "name": "Score of the judge",
                "model": form.score_judge.strip(),
                "input": [{"role": "user", "content": form.score_prompt}],
                "range": limits,
                "pass_threshold": number_in(form.score_threshold),
            }
        case "python":
            return {"type": "python", "name": "Python", "source": form.python_source}
    return {
        "type": "string_check",
        "name": "Matches the reference",
        "input": form.check_input,
        "reference": form.check_reference,
        "operation": form.check_operation,
    }


def _item(row: JsonObject) -> JsonObject:
    item = row.get("item")
    return item if isinstance(item, dict) else {}
