"""Every answer held against OpenAI's OpenAPI document, with the ways in which the live service differs.

The document is not ours and does not lie in the repository: it is looked for in `shared/contract/`
beside the checkout. Without it the checks of the form are left out, and `test_schema.py` says so.
"""

import copy
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

DOCUMENT = Path(__file__).resolve().parents[3] / "shared" / "contract" / "evals-openapi.yaml"
NOT_CHECKED = f"!! NO ANSWER WAS HELD AGAINST THE SCHEMA: {DOCUMENT} is not here"
PREFIXES = re.compile(r"^(/openai)?(/v1)?(?=/)")
REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")

NULL: Any = {"type": "null"}
PAGES = (
    *("EvalList", "EvalRunList", "EvalRunOutputItemList", "ListFilesResponse"),
    *("ChatCompletionList", "ChatCompletionMessageList"),
)
MAY_ALSO_BE: list[tuple[str, Any, str]] = [
    # where in components/schemas, what else may stand there, when (contract 3.2, 3.5, 3.6)
    ("EvalRun/properties/error", NULL, "live: no error, no object"),
    ("EvalRun/properties/model", NULL, "live: a run over jsonl rows has none"),
    ("EvalRun/properties/per_model_usage", NULL, "live: until there are results"),
    ("EvalRun/properties/per_testing_criteria_results", NULL, "live: until there are results"),
    ("EvalRunOutputItem/properties/sample/properties/error", NULL, "live: no error, no object"),
    ("EvalRunOutputItem/properties/sample/properties/seed", NULL, "live: none was asked for"),
    (
        "EvalRunOutputItem/properties/sample/properties/max_completion_tokens",
        NULL,
        "no limit was asked for (live: 4096)",
    ),
    # contract 3.2: what was not given is shown as null
    ("CreateEvalCompletionsRunDataSource/properties/sampling_params", NULL, "live: not given"),
    # contract 5.3: they are echoed as they were sent, unknown ones and nulls too
    ("CreateEvalCompletionsRunDataSource/properties/sampling_params", {"type": "object"}, "echo"),
    ("CreateEvalCompletionsRunDataSource/properties/model", NULL, "ours: nothing is sampled"),
    (
        "CreateEvalCompletionsRunDataSource/properties/input_messages",
        NULL,
        "ours: nothing is sampled",
    ),
    ("CreateEvalResponsesRunDataSource/properties/sampling_params", NULL, "live: not given"),
    ("CreateEvalResponsesRunDataSource/properties/model", NULL, "ours: nothing is sampled"),
    (
        "CreateEvalResponsesRunDataSource/properties/input_messages",
        NULL,
        "ours: nothing is sampled",
    ),
    # contract 9, row 34: what was sent is echoed
    ("EvalLogsDataSourceConfig/properties/metadata", {"type": "object"}, "values of any type"),
    (
        "EvalStoredCompletionsDataSourceConfig/properties/metadata",
        {"type": "object"},
        "values of any type",
    ),
    (
        "Eval/properties/testing_criteria/items",
        {"type": "object", "properties": {"type": {"const": "multi"}}, "required": ["type", "id"]},
        "ours: the document has `multi` for fine-tuning alone (contract 9, row 10)",
    ),
    # contract 9, rows 9 and 12
    ("GraderMulti/properties/graders", {"type": "object"}, "a map, as in every real use"),
    (
        "RunGraderResponse/properties/metadata/properties/token_usage",
        {"type": "object"},
        "live: an object, as in the document's own example",
    ),
    # contract 9, row 31: label_model is tried out, too
    (
        "ValidateGraderResponse/properties/grader",
        {"$ref": "#/components/schemas/GraderLabelModel"},
        "ours: the document has it inside of `multi` alone",
    ),
    # contract 2.6: the document lists what was sent in the form of what was answered
    ("ChatCompletionResponseMessage/properties/role", {"type": "string"}, "live: user, system"),
    # contract 1.7
    *((f"{page}/properties/first_id", NULL, "an empty page") for page in PAGES),
    *((f"{page}/properties/last_id", NULL, "an empty page") for page in PAGES),
    # contract 2.5 and 3.6
    ("OpenAIFile/properties/purpose", {"const": "evals"}, "live: the enum forgot it"),
    ("OpenAIFile/properties/expires_at", NULL, "live: a file that stays"),
    ("OpenAIFile/properties/status_details", NULL, "live: always"),
]
OTHER_PATHS = {  # contract 2.2: newer clients cancel here, the document has the older path
    "/evals/{eval_id}/runs/{run_id}/cancel": "/evals/{eval_id}/runs/{run_id}",
    # ours, for clients that know no fine-tuning
    "/graders/run": "/fine_tuning/alpha/graders/run",
    "/graders/validate": "/fine_tuning/alpha/graders/validate",
}
NOT_IN_THE_DOCUMENT = re.compile(r"^/(models(/.*)?|healthz)$")
PASSED_THROUGH = {("POST", "/chat/completions")}
"""What a model endpoint answers is no answer of ours."""


@dataclass(frozen=True)
class Route:
    """One operation of the document: its path as a pattern and the forms of its answers."""

    method: str
    path: re.Pattern[str]
    forms: dict[int, jsonschema_rs.Validator | None]
    """By HTTP status; None for an answer that is not JSON."""


Change = tuple[str, Any, str]


class Schema:
    """The document, changed where answers are known to differ."""

    def __init__(self, document: Any, changes: Sequence[Change]) -> None:
        """Take the parsed document, and what else may stand where in it."""
        self._components = _changed(document["components"]["schemas"], changes)
        self._error = self.component("ErrorResponse")
        self._routes = list(self._routes_of(document["paths"]))

    def component(self, name: str) -> jsonschema_rs.Validator:
        """Give the validator of one named object."""
        return self._validator({"$ref": f"#/components/schemas/{name}"})

    def complaints(self, method: str, path: str, status: int, body: Any) -> Iterator[str]:
        """Give what is wrong with an answer; `body` is its parsed JSON."""
        path = PREFIXES.sub("", path)
        if status >= 400:
            yield from _misfits(self._error, body, f"{method} {path} {status}")
        elif not NOT_IN_THE_DOCUMENT.match(path) and (method, path) not in PASSED_THROUGH:
            yield from self._misfits_of_success(method, path, status, body)

    def _misfits_of_success(self, method: str, path: str, status: int, body: Any) -> Iterator[str]:
        for route in self._routes:
            if route.method == method and route.path.fullmatch(path):
                if status not in route.forms:
                    yield f"{method} {path} answered {status}, documented is {list(route.forms)}"
                elif (form := route.forms[status]) is not None:
                    yield from _misfits(form, body, f"{method} {path} {status}")
                return
        yield f"{method} {path} is not in the document"

    def _routes_of(self, paths: Any) -> Iterator[Route]:
        named = {**paths, **{other: paths[known] for other, known in OTHER_PATHS.items()}}
        for path, operations in named.items():
            pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
            for method, operation in operations.items():
                forms = {
                    int(status): self._form_of(answer)
                    for status, answer in operation["responses"].items()
                    if status.startswith("2")
                }
                yield Route(method.upper(), pattern, forms)

    def _form_of(self, answer: Any) -> jsonschema_rs.Validator | None:
        content = answer.get("content", {}).get("application/json")
        is_json = content is not None and content["schema"].get("type") != "string"
        return self._validator(content["schema"]) if is_json else None

    def _validator(self, form: Any) -> jsonschema_rs.Validator:
        return jsonschema_rs.validator_for({**form, "components": {"schemas": self._components}})


def _misfits(form: jsonschema_rs.Validator, body: Any, what: str) -> Iterator[str]:
    for error in form.iter_errors(body):
        yield f"{what}: {'.'.join(map(str, error.instance_path))}: {error.message}"


def _changed(components: Any, changes: Sequence[Change]) -> Any:
    changed = _any_of(copy.deepcopy(components))
    for pointer, also, _ in changes:
        *steps, key = pointer.split("/")
        place: Any = functools.reduce(lambda here, step: here[step], steps, changed)
        place[key] = {"anyOf": [place[key], also]}
    return changed


def _any_of(form: Any) -> Any:
    """Read `oneOf` as `anyOf`: its members overlap in the document, and clients take the first fit."""
    if isinstance(form, list):
        return [_any_of(part) for part in form]
    if isinstance(form, dict):
        return {("anyOf" if key == "oneOf" else key): _any_of(part) for key, part in form.items()}
    return form


@functools.cache
def schema() -> Schema | None:
    """Give the document as the live service answers, or None when it is not here."""
    return _read(MAY_ALSO_BE)


@functools.cache
def strict_schema() -> Schema | None:
    """Give the document as it is written, or None when it is not here."""
    return _read([])


def _read(changes: Sequence[Change]) -> Schema | None:
    return Schema(yaml.safe_load(DOCUMENT.read_text()), changes) if DOCUMENT.exists() else None
