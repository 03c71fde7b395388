"""An eval as a config of promptfoo, with its rows as tests and its criteria as asserts."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import yaml

from evald.contract.json_types import JsonObject, JsonValue
from evald.elsewhere.carriage import Carried, Files, carried, page, plain
from evald.elsewhere.carried.asking import asked_messages
from evald.elsewhere.carried.endpoint import call_params
from evald.elsewhere.given import Exported, Row
from evald.elsewhere.nunjucks import is_inert, nunjucks, nunjucks_in, texts_at
from evald.elsewhere.package import package_of, standalone
from evald.rules.json_text import BadJson
from evald.rules.messages import UnusableMessages, chat_message
from evald.rules.template import Path, TextTooLong, compile_template, paths_in

OUTPUT: Final = Path("sample", ("output_text",))
NATIVE: Final[Mapping[str, str]] = {"eq": "equals", "ne": "not-equals", "like": "contains"}
"""Operations that promptfoo has with the same meaning; its `icontains` folds fewer letters."""
JUDGE_WAY: Final = (
    "its judge is asked at OPENAI_BASE_URL, past promptfoo's cache and its count of costs"
)
ASSERT: Final = "evald_assert.py"
PROVIDER: Final = "evald_sample.py"
HOW_TO: Final = """
## How to run it

The asserts need Python 3.11 or newer with four packages. The model and the judges are asked at
`OPENAI_BASE_URL`.

```sh
pip install orjson pydantic rapidfuzz typing-extensions
export OPENAI_API_KEY=... OPENAI_BASE_URL=https://api.openai.com/v1
npx promptfoo eval --no-cache
```

`PROMPTFOO_PYTHON` names another Python. Rows are in `tests.jsonl`, criteria in `criteria.json`, and
what evald grades by in `evald_graders/`.

A row passes if every assert does, as in evald. What differs whatever the criterion:

- promptfoo knows no verdict but pass and fail. A grader that breaks is a failure whose reason begins
  with `no verdict`; evald counts it as an error.
- The score of a row is the mean of its criteria, which evald does not have.
- An answer that holds nothing, and no call of a tool, may be an error of promptfoo; evald grades it
  as an empty text. Where a model refuses or calls a tool, `equals`, `not-equals` and `contains`
  compare what promptfoo makes of that.
"""


def promptfoo_files(exported: Exported) -> Files:
    """Give the files of an export to promptfoo."""
    tests = _Tests(exported)
    asserts, criteria = _asserts(exported, tests)
    notes = [*exported.notes, *tests.notes]
    config = _config(exported, asserts, notes)
    files = {
        "README.md": page(replace(exported, notes=notes), "promptfoo", HOW_TO, criteria),
        "promptfooconfig.yaml": yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
        "criteria.json": _json([*exported.criteria], indent=2) + "\n",
        ASSERT: standalone("evald.elsewhere.carried.promptfoo_assert"),
        **package_of(
            ["evald.elsewhere.carried.promptfoo_assert", "evald.elsewhere.carried.program"]
        ),
    }
    if exported.run_id is not None:
        files[_prompt_name(exported)] = _prompt(exported)
        files["tests.jsonl"] = "".join(f"{_json(test)}\n" for test in tests.shown())
        if exported.model is None:
            files[PROVIDER] = standalone("evald.elsewhere.carried.promptfoo_sample")
    return Files(files, criteria, notes)


def _asserts(exported: Exported, tests: "_Tests") -> tuple[list[JsonObject], list[Carried]]:
    asserts: list[JsonObject] = []
    criteria: list[Carried] = []
    places: JsonObject = {}
    for number, criterion in enumerate(exported.criteria):
        found = carried(criterion, number, JUDGE_WAY)
        native = None if found.how == "not carried" else _native(exported, criterion, tests)
        if native is not None:
            found = replace(found, why=f"promptfoo's own `{native['type']}`")
            asserts.append({**native, "metric": found.name})
        elif found.how != "not carried":
            places[found.name] = number
        criteria.append(found)
    if places:
        # One for all of them, since promptfoo starts Python anew for each; its score is their mean.
        own: JsonObject = {"type": "python", "value": f"file://{ASSERT}", "weight": len(places)}
        asserts.append({**own, "config": {"criteria": places}})
    return asserts, criteria


def _native(exported: Exported, criterion: JsonObject, tests: "_Tests") -> JsonObject | None:
    """Give a criterion as an assert of promptfoo's own, where that means the same for every row."""
    match criterion:
        case {"type": "string_check", "operation": str(operation), "reference": str(reference)}:
            kind = NATIVE.get(operation)
        case _:
            return None
    template = compile_template(str(criterion.get("input")))
    whole = template.parts == (OUTPUT,)
    paths = list(paths_in(reference))
    of_items = all(path.namespace == "item" for path in paths)
    # With these the output is no text, or another one.
    is_text = not ({"tools", "functions", "response_format"} & exported.params.keys())
    if not (kind and whole and of_items and is_text and exported.rows):
        return None
    referred = compile_template(reference)
    try:
        texts = [referred.render({"item": row.item}) for row in exported.rows]
    except (BadJson, TextTooLong):
        return None
    if operation == "like" and not all(texts):
        return None  # its `contains` is an error for an empty text, which every text contains
    tests.paths += paths
    return {"type": kind, "value": nunjucks(reference)}


class _Tests:
    """The rows as tests, with the texts that prompts and asserts look up."""

    def __init__(self, exported: Exported) -> None:
        self.exported = exported
        self.paths: list[Path] = []
        self.notes: list[str] = []
        self._is_template = "template" in (exported.asked or {})
        self._usable = list(self._with_messages())

    def _with_messages(self) -> Iterator[tuple[Row, list[JsonObject]]]:
        """Give the rows whose messages can be rendered, with them; evald makes errors of the others."""
        messages_for = asked_messages(self.exported.asked or {})
        left_out = 0
        for row in self.exported.rows:
            try:
                yield row, [] if row.sample is not None else messages_for({"item": row.item})
            except (UnusableMessages, BadJson, TextTooLong):
                left_out += 1
        if left_out:
            rows, them = ("1 row is", "it") if left_out == 1 else (f"{left_out:,} rows are", "them")
            self.notes.append(f"{rows} left out, since no messages can be made of {them}.")

    def shown(self) -> Iterator[JsonObject]:
        """Give the tests, one a row. No variable of promptfoo's is a text: it would be rendered."""
        paths = list(dict.fromkeys([*_template_paths(self.exported), *self.paths]))
        for row, messages in self._usable:
            exact: JsonObject = {"item": _json(row.item)}
            if row.sample is not None:
                exact["sample"] = _json(row.sample)
            elif not self._is_template:
                exact["messages"] = _json([*messages])
            texts = texts_at(paths, {"item": row.item})
            variables: JsonObject = {"row": row.number, "texts": texts, "exact": exact}
            yield {"description": f"row {row.number}", "vars": variables}


def _template_paths(exported: Exported) -> Iterable[Path]:
    return paths_in((exported.asked or {}).get("template"))


def _config(exported: Exported, asserts: list[JsonObject], notes: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {"description": plain(exported.name)}
    if exported.run_id is not None:
        config["prompts"] = [f"file://{_prompt_name(exported)}"]
        config["providers"] = [_provider(exported, notes)]
        config["tests"] = "file://tests.jsonl"
    return {**config, "defaultTest": {"assert": asserts}}


def _provider(exported: Exported, notes: list[str]) -> JsonObject:
    if exported.model is None:
        return {"id": f"file://{PROVIDER}", "label": "the samples of the rows"}
    model = exported.model
    if not is_inert(model):
        model = plain(model)
        notes.append("The name of the model is changed: promptfoo would take it for a template.")
    params: JsonObject = {}
    for key, value in call_params(exported.params).items():
        if is_inert(key) and is_inert(value):
            params[key] = value
        else:
            notes.append(
                f"The sampling param {plain(key)} is left out: promptfoo would take something in it for "
                "a template, a file or a reference."
            )
    # As they are: by its own names promptfoo would set others, and read its output another way.
    own: JsonObject = {"omitDefaults": True, "showThinking": False, "passthrough": params}
    return {"id": f"openai:chat:{model}", "config": own}


def _prompt_name(exported: Exported) -> str:
    return "prompt.json" if "template" in (exported.asked or {}) else "prompt.txt"


def _prompt(exported: Exported) -> str:
    if exported.model is None and "template" not in (exported.asked or {}):
        return "The samples are given.\n"
    if "template" not in (exported.asked or {}):
        return "{{ exact.messages }}\n"
    template = (exported.asked or {}).get("template")
    messages: list[JsonValue] = [
        nunjucks_in(chat_message(each))
        for each in (template if isinstance(template, list) else [])
        if isinstance(each, dict)
    ]
    return _json(messages, indent=2) + "\n"


def _json(value: JsonValue, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
