"""An eval as a task of Inspect: a fixed program beside the eval and its rows, which are data."""

import json
import re
import shlex
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.elsewhere.carriage import Files, carried, page, plain
from evald.elsewhere.given import Exported
from evald.elsewhere.package import package_of, standalone

TASK: Final = "evald.elsewhere.carried.inspect_task"
JUDGE_WAY: Final = "its judge is asked through Inspect, by its name at the provider `judges`"
HOW_TO: Final = """
## How to run it

```sh
pip install inspect-ai openai orjson pydantic rapidfuzz typing-extensions
export OPENAI_API_KEY=... OPENAI_BASE_URL=https://api.openai.com/v1
inspect eval task.py --model %s -M responses_api=false
```

Judges are asked at the provider `openai`; `-T judges=openai-api/local` names another. Rows are in
`samples.jsonl`, criteria, messages and sampling params in `eval.json`, and what evald grades by in
`evald_graders/`.

The score of a sample has a `verdict` and a value for each criterion: 1 passes, 0 fails. A row passes
if every criterion does, as in evald. What differs whatever the criterion:

- Where a grader breaks there is no value (NaN), and Inspect leaves the sample out of that metric;
  evald counts it as an error. What broke stands in the explanation of the score.
- Sampling params that Inspect has no name for are sent as they are, which only OpenAI-compatible
  endpoints take.
- Of what a model says, graders see the text, the refusal, the calls of tools and the finish reason.
  Inspect takes thoughts in `<think>` out of the text.
- An image must be a URL or data: Inspect would read other names as files.
"""


def inspect_files(exported: Exported) -> Files:
    """Give the files of an export to Inspect."""
    found = [carried(each, number, JUDGE_WAY) for number, each in enumerate(exported.criteria)]
    kept = [
        (each.name, criterion)
        for each, criterion in zip(found, exported.criteria, strict=True)
        if each.how != "not carried"
    ]
    names: list[JsonValue] = [name for name, _ in kept]
    criteria: list[JsonValue] = [criterion for _, criterion in kept]
    of_eval: JsonObject = {
        "task": re.sub(r"\W+", "_", plain(exported.name)).strip("_") or "evald",
        "names": names,
        "criteria": criteria,
        "model": exported.model,
        "params": exported.params,
        "asked": exported.asked or {},
    }
    how_to = HOW_TO % shlex.quote(f"openai/{plain(exported.model or 'MODEL')}")
    files = {
        "README.md": page(exported, "Inspect", how_to, found),
        "task.py": standalone(TASK),
        "eval.json": json.dumps(of_eval, ensure_ascii=False, indent=2) + "\n",
        "samples.jsonl": "".join(_line(exported)),
        **package_of([TASK, "evald.elsewhere.carried.program"]),
    }
    return Files(files, found, list(exported.notes))


def _line(exported: Exported) -> list[str]:
    lines = []
    for row in exported.rows:
        sample: JsonObject = {} if row.sample is None else {"sample": row.sample}
        record: JsonObject = {"id": row.number, "item": row.item, **sample}
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return lines
