"""Programs that repeat a run: one for a shell with curl, one for Python with the openai SDK.

Names, prompts and rows in them are anybody's. In the shell all of them stand in one quoted argument, in
Python in literals, and what cannot be seen is escaped in both, so that what is copied is what was read.
The key is never in them, only the name of the variable that holds it.
"""

import json
import shlex
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.python_literals import literal

KEY_VARIABLE: Final = "EVALD_API_KEY"
LONGEST_BODY: Final = 60_000
"""Bytes. Linux takes 128 KB in one argument of a command, and nobody reads as much."""

_JSON: Final = "-H 'content-type: application/json'"
_KEY: Final = f'-H "authorization: Bearer ${KEY_VARIABLE}"'


@dataclass(frozen=True)
class Snippets:
    """The two programs."""

    curl: str
    python: str


def created_again(base_url: str, eval_id: str, body: JsonObject) -> Snippets:
    """Give the programs that create a run of an eval with this body."""
    address = f"{base_url}/{_path('evals', eval_id, 'runs')}"
    arguments = "".join(
        f"    {name}={literal(value, 4)},\n" for name, value in body.items() if value is not None
    )
    call = f"run = client.evals.runs.create(\n    {literal(eval_id)},\n{arguments})\n"
    return Snippets(_posted(address, body), _program(base_url, f"{call}print(run.report_url)\n"))


def fetched_and_created_again(base_url: str, eval_id: str, run_id: str) -> Snippets:
    """Give the programs that ask the server for a run, rows and all, and create it again from that."""
    runs = _path("evals", eval_id, "runs")
    address, run = f"{base_url}/{runs}", f"{base_url}/{runs}/{_path(run_id)}"
    curl = (
        f"curl --fail --silent --show-error {shlex.quote(run)} \\\n  {_KEY} |\n"
        f"curl {shlex.quote(address)} \\\n  {_KEY} \\\n  {_JSON} \\\n  --data-binary @-\n"
    )
    python = (
        f"run = client.get({literal(f'/{runs}/{_path(run_id)}')}, cast_to=object)\n"
        f"again = client.evals.runs.create(\n    {literal(eval_id)},\n"
        '    name=run["name"],\n    metadata=run["metadata"],\n    data_source=run["data_source"],\n)\n'
        "print(again.report_url)\n"
    )
    return Snippets(curl, _program(base_url, python))


def regraded_again(base_url: str, eval_id: str, run_id: str, body: JsonObject) -> Snippets:
    """Give the programs that have the samples of this run graded again."""
    path = _path("evals", eval_id, "runs", run_id, "regrade")
    call = (
        f"run = client.post(\n    {literal(f'/{path}')},\n    body={literal(body, 4)},\n"
        '    cast_to=object,\n)\nprint(run["report_url"])\n'
    )
    return Snippets(_posted(f"{base_url}/{path}", body), _program(base_url, call))


def is_short(body: JsonObject) -> bool:
    """Say whether a body can stand in a program as a whole."""
    try:
        return len(_json(body).encode(errors="replace")) <= LONGEST_BODY
    except RecursionError:
        return False


def _path(*segments: str) -> str:
    return "/".join(quote(segment, safe="", errors="replace") for segment in segments)


def _posted(address: str, body: JsonObject) -> str:
    given: JsonObject = {name: value for name, value in body.items() if value is not None}
    return (
        f"curl {shlex.quote(address)} \\\n  {_KEY} \\\n  {_JSON} \\\n"
        f"  --data-raw {shlex.quote(_json(given))}\n"
    )


def _program(base_url: str, rest: str) -> str:
    return (
        "import os\n\nfrom openai import OpenAI\n\n"
        f"client = OpenAI(\n    base_url={literal(base_url)},\n"
        f'    api_key=os.environ.get("{KEY_VARIABLE}") or "not needed",\n)\n{rest}'
    )


def _json(value: JsonValue) -> str:
    """Give a value as indented JSON in which every character can be seen."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(
        each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text
    )
