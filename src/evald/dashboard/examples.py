"""Programs to copy: short, whole, and fit to run against this very server."""

import re
from dataclasses import dataclass
from textwrap import indent
from typing import Final

from evald.contract.data_source_configs import item_schema_of
from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.python_literals import flat
from evald.dashboard.reading import ApiObject, list_of, object_of, text_of

_MOST_KEYS: Final = 8
_MOST_REQUIRED: Final = 40
_LONGEST_VALUE: Final = 200
_LONGEST_ROW: Final = 4_000
_DEEPEST: Final = 4
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")


@dataclass(frozen=True)
class Endpoint:
    """Where the programs are sent. `model` is None where the server is to be asked for one."""

    base_url: str
    needs_key: bool
    model: str | None


def first_eval(endpoint: Endpoint) -> str:
    """Give the program that creates an eval and its first run."""
    return f"""\
{_client(endpoint)}
made = client.evals.create(
    name="Capitals",
    metadata={{"team": "geography"}},
    data_source_config={{
        "type": "custom",
        "item_schema": {{
            "type": "object",
            "properties": {{
                "country": {{"type": "string"}},
                "capital": {{"type": "string"}},
            }},
            "required": ["country", "capital"],
        }},
        "include_sample_schema": True,
    }},
    testing_criteria=[{{
        "type": "string_check",
        "name": "Names the capital",
        "input": "{{{{ sample.output_text }}}}",
        "operation": "ilike",
        "reference": "{{{{ item.capital }}}}",
    }}],
)
run = client.evals.runs.create(
    made.id,
    name="First run",
    data_source={{
        "type": "completions",
        "model": model,
        "input_messages": {{
            "type": "template",
            "template": [
                {{"role": "user", "content": "What is the capital of {{{{ item.country }}}}?"}},
            ],
        }},
        "source": {{
            "type": "file_content",
            "content": [
                {{"item": {{"country": "Norway", "capital": "Oslo"}}}},
                {{"item": {{"country": "Kenya", "capital": "Nairobi"}}}},
            ],
        }},
    }},
)
print(run.report_url)
"""


def first_run(eval_object: ApiObject, endpoint: Endpoint) -> str:
    """Give the program that creates a run of this eval, with a row that fits its schema."""
    source = _data_source(eval_object)
    return f"""\
{_client(endpoint, with_model='"model"' in source)}
run = client.evals.runs.create(
    {flat(text_of(eval_object.get("id")))},
    name="First run",
    data_source={{
{indent(source, " " * 8)}
    }},
)
print(run.report_url)
"""


def first_file(endpoint: Endpoint) -> str:
    """Give the program that uploads rows."""
    return f"""\
{_client(endpoint, with_model=False)}
rows = (
    b'{{"item": {{"country": "Norway", "capital": "Oslo"}}}}\\n'
    b'{{"item": {{"country": "Kenya", "capital": "Nairobi"}}}}\\n'
)
# From a disk: file=open("rows.jsonl", "rb")
file = client.files.create(file=("rows.jsonl", rows), purpose="evals")
print(file.id)
"""


def source_of_file(file_id: str) -> str:
    """Give the source of a data source whose rows are those of a file."""
    return f'"source": {{"type": "file_id", "id": {flat(file_id)}}}'


def _client(endpoint: Endpoint, *, with_model: bool = True) -> str:
    key = '"sk-evald-..."' if endpoint.needs_key else '"none"'
    why = "a key of this project" if endpoint.needs_key else "this server asks for no key"
    lines = [
        "from openai import OpenAI",
        "",
        "client = OpenAI(",
        f"    base_url={flat(endpoint.base_url)},",
        f"    api_key={key},  # {why}",
        ")",
    ]
    if with_model and endpoint.model is None:
        lines.append("model = next(iter(client.models.list())).id  # or the name of another")
    elif with_model:
        lines.append(f"model = {flat(endpoint.model or '')}")
    return "\n".join(lines)


def _data_source(eval_object: ApiObject) -> str:
    """Give the lines of a data source that this eval takes."""
    config = object_of(eval_object.get("data_source_config"))
    if config.get("type") != "custom":
        return """\
"type": "completions",
"model": model,
"source": {"type": "stored_completions", "limit": 20},"""
    schema = item_schema_of(dict(config))
    row = flat({"item": _value(schema, _DEEPEST)})
    if len(row) > _LONGEST_ROW:
        row = '{"item": {}}'
    rows = f"""\
"source": {{
    "type": "file_content",
    "content": [
        {row},
    ],
}},"""
    if "sample" not in object_of(object_of(config.get("schema")).get("properties")):
        return f'"type": "jsonl",\n{rows}'
    return f"""\
"type": "completions",
"model": model,
"input_messages": {{
    "type": "template",
    "template": [{{"role": "user", "content": {flat(_question(schema))}}}],
}},
{rows}"""


def _question(schema: ApiObject) -> str:
    """Give a message that has the first text of a row in it."""
    for key, each in object_of(schema.get("properties")).items():
        if _PLAIN_KEY.fullmatch(key) and object_of(each).get("type") in ("string", None):
            return f"{{{{ item.{key} }}}}"
    return "Say hello."


def _value(schema: ApiObject, depth: int) -> JsonValue:
    """Give a value that fits a schema, as far as its plain keywords say what fits."""
    for given in (schema.get("const"), *list_of(schema.get("enum")), schema.get("default")):
        if given is not None and len(repr(given)) <= _LONGEST_VALUE:
            return given
    types = schema.get("type")
    match next(iter(list_of(types)), "") if isinstance(types, list) else types:
        case "integer" | "number":
            least = schema.get("minimum")
            return least if isinstance(least, int | float) and not isinstance(least, bool) else 1
        case "boolean":
            return True
        case "null":
            return None
        case "array":
            return [_value(object_of(schema.get("items")), depth - 1)] if depth else []
        case "string":
            return "text"
    is_object = schema.get("type") == "object" or "properties" in schema
    return _row(schema, depth) if is_object else "text"


def _row(schema: ApiObject, depth: int) -> JsonObject:
    """Give an object with the keys that a schema requires, and a few of the others."""
    properties = object_of(schema.get("properties"))
    required = [text_of(key) for key in list_of(schema.get("required"))]
    keys = list(dict.fromkeys([*required, *properties]))
    most = max(_MOST_KEYS, min(len(required), _MOST_REQUIRED)) if depth == _DEEPEST else _MOST_KEYS
    if not depth:
        return {}
    return {key: _value(object_of(properties.get(key)), depth - 1) for key in keys[:most]}
