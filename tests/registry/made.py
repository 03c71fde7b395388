"""Small registries of our own, in a folder or as a wheel, and what the command makes of them."""

import json
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evald.openai_registry.files import open_registry
from evald.openai_registry.plan import Plan
from evald.openai_registry.specs import Registry, read_registry
from evald.openai_registry.turning import plan_of
from tests.server import EvaldServer, evald_ended

CLASS = {
    "Match": "evals.elsuite.basic.match:Match",
    "Includes": "evals.elsuite.basic.includes:Includes",
    "FuzzyMatch": "evals.elsuite.basic.fuzzy_match:FuzzyMatch",
    "JsonMatch": "evals.elsuite.basic.json_match:JsonMatch",
    "JsonValidator": "evals.elsuite.basic.json_validator:JsonValidator",
    "ModelBasedClassify": "evals.elsuite.modelgraded.classify:ModelBasedClassify",
}
CHAT = [{"role": "user", "content": "Say blue."}]
ROW = {"input": CHAT, "ideal": "blue"}

VERDICT_OF = """
quality:
  prompt: "Is {completion} a good answer to {input}?"
  choice_strings: ["Good", "Bad"]
  choice_scores: {"Good": 1.0, "Bad": 0.0}
  input_outputs: {input: completion}
"""


def entry(class_name: str, data: str = "rows.jsonl", **args: Any) -> Any:
    """Give an eval as a YAML file of the registry has it."""
    return {"class": CLASS[class_name], "args": {"samples_jsonl": data, **args}}


def jsonl(rows: Sequence[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files of a checkout and give its folder."""
    for path, text in files.items():
        file = folder / "evals" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def files_of(
    evals: Mapping[str, Any], data: Mapping[str, Sequence[Any]], graders: str = VERDICT_OF
) -> dict[str, str]:
    """Give the files of a registry with these evals and rows."""
    files = {"registry/evals/some.yaml": yaml.safe_dump(dict(evals))}
    files["registry/modelgraded/some.yaml"] = graders
    return files | {f"registry/data/{name}": jsonl(rows) for name, rows in data.items()}


def registry(folder: Path, evals: Mapping[str, Any], rows: Sequence[Any] = (ROW,)) -> Registry:
    """Give a registry with these evals, all over the same rows."""
    return opened(write(folder, files_of(evals, {"rows.jsonl": rows})))


def opened(place: Path) -> Registry:
    return read_registry(open_registry(place))


def plan(folder: Path, class_name: str, rows: Sequence[Any] = (ROW,), **args: Any) -> Plan:
    """Give what becomes of an eval of this class over these rows."""
    made = registry(folder, {"one.dev": entry(class_name, **args)}, rows)
    return plan_of(made.spec("one.dev"), made)


def items(planned: Plan, folder: Path) -> list[Any]:
    """Give the items of a plan."""
    return [row["item"] for row in planned.items(opened(folder).files)]


def write_wheel(file: Path, files: Mapping[str, str]) -> Path:
    """Write files of the package into a wheel, with its version."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, text in files.items():
            wheel.writestr(f"evals/{path}", text)
        wheel.writestr("evals-9.9.dist-info/METADATA", "Metadata-Version: 2.1\nVersion: 9.9\n")
    return file


def imported(
    server: EvaldServer | None, place: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the command on a registry and a server."""
    url = ["--url", server.url] if server else []
    return evald_ended("import", "registry", "--from", str(place), *url, *options)
