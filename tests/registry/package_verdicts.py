"""Decide cases by functions of the package, taken one by one out of its wheel: the rest needs much else.

python -m tests.registry.package_verdicts WHEEL <cases.json
"""

import ast
import json
import re
import string
import sys
import zipfile
from collections.abc import Callable
from typing import Any

FUNCTIONS = {
    "prompt/base.py": ("chat_prompt_to_text_prompt", "is_chat_prompt"),
    "elsuite/utils.py": (
        *("get_answer", "normalize", "fuzzy_match"),
        *("format_necessary", "format_prompt"),
    ),
    "elsuite/basic/json_match.py": ("json_match",),
    "elsuite/basic/json_validator.py": ("is_valid_json",),
    "api.py": ("record_and_check_match",),
    "elsuite/modelgraded/classify_utils.py": (
        *("get_choice", "MATCH_FNS", "INVALID_STR"),
        *("ANSWER_PROMPTS", "append_answer_prompt", "choice_to_str"),
    ),
}


def package_functions(wheel: str) -> dict[str, Any]:
    """Give the functions by name, in one namespace with what they use of the standard library."""
    names: dict[str, Any] = {"re": re, "string": string, "json": json, "record_match": recorded}
    exec("from typing import *\nfrom collections.abc import *\nimport copy, logging", names)
    names |= dict.fromkeys(["OpenAICreatePrompt", "OpenAICreateChatPrompt", "Prompt"], Any)
    with zipfile.ZipFile(wheel) as package:
        for path, wanted in FUNCTIONS.items():
            tree = ast.parse(package.read(f"evals/{path}"))
            tree.body = [node for node in tree.body if name_of(node) in wanted]
            exec(compile(tree, path, "exec"), names)
    return names


def recorded(match: bool, **_: Any) -> None:
    """Stand for the recorder, to which the package tells whether an answer matches."""
    matches.append(match)


matches: list[bool] = []


def name_of(node: ast.stmt) -> str | None:
    match node:
        case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return None


def prompted(f: dict[str, Any], prompt: Any, ending: Any, values: Any) -> Any:
    """Give what a judge is asked, as `classify` does; `ending` is an eval_type and the choices."""
    prompt = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if ending:
        eval_type, choices = ending
        prompt = f["append_answer_prompt"](prompt, eval_type, choice_strings=choices)
    return f["format_prompt"](prompt, **values)


def decided(f: dict[str, Any], name: str, output: Any, ideal: Any, ignores_case: Any) -> Any:
    """Decide as the `eval_sample` of the class does, around the package's functions."""
    if name == "prompt":
        return prompted(f, output, ideal, ignores_case)
    ideals = ideal if isinstance(ideal, list) else [ideal]
    match name:
        case "Match":
            f["record_and_check_match"](prompt="", sampled=output, expected=ideal)
            return matches.pop()
        case "Includes":
            return any(f["get_answer"](output, each, ignores_case) is not None for each in ideals)
        case "FuzzyMatch":
            return True in [f["fuzzy_match"](output, each) for each in ideals]
        case "JsonMatch":
            sampled = json.loads(output) if f["is_valid_json"](output) else None
            rights = [json.loads(each) for each in ideals]
            return True in [f["json_match"](sampled, each) for each in rights]
        case "JsonValidator":
            return bool(f["is_valid_json"](output))
    eval_type, choices, choice = ideals
    return bool(f["get_choice"](output, eval_type, "starts_or_endswith", choices) == choice)


def verdict(decide: Callable[..., Any], *case: Any) -> Any:
    """Give a verdict, or the name of the error with which a whole run of the package would break."""
    try:
        return decide(*case)
    except ValueError:
        return "ValueError"
    except RecursionError:
        return "RecursionError"


def main() -> None:
    """Answer a list of cases with a list of verdicts."""
    functions = package_functions(sys.argv[1])
    json.dump([verdict(decided, functions, *case) for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
