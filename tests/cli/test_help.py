"""The help of every command is as it was written: examples and lists keep their lines."""

import subprocess
import sys

import pytest

LINES = {
    ("keys", "create"): "    EVALD_API_KEY=$(evald keys create --project support --name ci)",
    (): "    EVALD_UPSTREAM_BASE_URL=http://127.0.0.1:8080/v1 evald serve",
    ("export", "eval"): "    evald export eval EVAL_ID --run RUN_ID --out archive",
    ("export", "items"): "    evald export items EVAL_ID RUN_ID --out items.csv --status fail",
    ("import",): "    evald import openai-archive --map gpt-4o=qwen3 --map o3=qwen3",
    ("doctor",): "    evald doctor --config /etc/evald.toml",
    ("import", "registry"): "    evald import registry --list",
    ("export", "promptfoo"): "    cd for-promptfoo && npx promptfoo eval --no-cache",
    ("export", "inspect"): "    evald export inspect eval_... --out for-inspect",
    ("runs", "list"): "    evald runs list EVAL_ID --status failed",
    ("runs", "show"): "    evald runs show EVAL_ID RUN_ID --wait",
    ("runs", "resume"): "    evald runs resume EVAL_ID RUN_ID --retry errored",
    ("runs", "regrade"): "    evald runs regrade EVAL_ID RUN_ID --in OTHER_EVAL_ID",
    ("serve",): "    EVALD_UPSTREAM_API_KEY   its key, if it wants one",
    (
        "logs",
        "import",
    ): '    {"request": {"model": ..., "messages": [...]}, "response": {"choices": ...}}',
}
"""Of each command a line that would be lost if its paragraph were filled anew."""


def help_of(*command: str) -> str:
    asked = [sys.executable, "-m", "evald", *command, "--help"]
    return subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("command", LINES, ids=" ".join)
def test_help_keeps_its_lines(command: tuple[str, ...]) -> None:
    said = help_of(*command)

    assert LINES[command] in said.splitlines()
    assert "\\b" not in said


COMMANDS = [
    *((), ("serve",), ("keys",), ("keys", "create"), ("keys", "list"), ("keys", "revoke")),
    *(("logs",), ("logs", "import"), ("doctor",), ("import",), ("import", "registry")),
    *(("export",), ("export", "eval"), ("export", "items")),
    *(("export", "promptfoo"), ("export", "inspect"), ("runs",), ("runs", "cancel")),
    *(("runs", "list"), ("runs", "show"), ("runs", "resume"), ("runs", "regrade")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_a_terminal_of_80_columns(command: tuple[str, ...]) -> None:
    assert [line for line in help_of(*command).splitlines() if len(line) > 80] == []


def test_help_says_where_the_other_variables_are_told() -> None:
    assert "docs/configuration.md" in help_of("serve")


def test_help_lists_every_command_with_a_whole_sentence() -> None:
    for command in ((), ("logs",), ("keys",), ("pull",), ("import",), ("export",), ("runs",)):
        said = help_of(*command)
        _, _, commands = said.partition("Commands:")
        assert commands.strip()
        assert "..." not in commands
