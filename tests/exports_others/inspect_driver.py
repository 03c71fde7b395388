"""Carries out the task of an export with stand-ins for what it uses of Inspect, which is not installed.

The model says what the asks on standard input have under the id of a sample; a judge says the same
of all.
"""

import asyncio
import importlib
import json
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Values:
    """Any object of Inspect that only holds what it was made of."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Text(Values):
    """A text in a message."""

    refusal = None


class Said(Values):
    """A model's output."""

    @classmethod
    def from_content(cls, model: str, content: str) -> "Said":
        message = Values(content=[Text(text=content)], tool_calls=None)
        choice = Values(message=message, stop_reason="stop")
        return cls(model=model, completion=content, choices=[choice], error=None, time=0.1)


@dataclass
class State:
    """The state of one sample."""

    metadata: dict[str, Any]
    messages: list[Any] = field(default_factory=list)
    output: Any = None


class Model:
    """A judge, which remembers nothing."""

    async def generate(self, messages: Any, config: Any) -> Said:
        return Said.from_content("judge", ASKS["judge"])


def plain(function: Any = None, **_: Any) -> Any:
    return function if callable(function) else lambda each: each


def json_dataset(path: str, to_sample: Any) -> list[Any]:
    return [to_sample(json.loads(line)) for line in Path(path).read_text().split("\n")[:-1]]


def stand_in(name: str, **members: Any) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module


NAMES = ("System", "User", "Assistant", "Tool")
ASKS: dict[str, Any] = json.loads(sys.stdin.read())
stand_in("inspect_ai", Task=type("Task", (Values,), {}), task=plain)
stand_in("inspect_ai.dataset", Sample=type("Sample", (Values,), {}), json_dataset=json_dataset)
stand_in(
    "inspect_ai.model",
    ChatMessage=Values,
    Content=Values,
    ModelOutput=Said,
    GenerateConfig=type("GenerateConfig", (Values,), {}),
    get_model=lambda name, **_: Model(),
    **{f"ChatMessage{name}": type(name.lower(), (Values,), {}) for name in NAMES},
    **{f"Content{name}": type(name.lower(), (Values,), {}) for name in ("Image", "Audio")},
    ContentText=Text,
)
stand_in("inspect_ai.tool", ToolCall=type("ToolCall", (Values,), {}))
stand_in(
    "inspect_ai.scorer",
    Score=type("Score", (Values,), {}),
    Scorer=Values,
    Target=Values,
    mean=plain,
    stderr=plain,
    scorer=plain,
)
stand_in("inspect_ai.solver", Generate=Values, Solver=Values, TaskState=State, solver=plain)


async def scored(task: Any, sample: Any) -> dict[str, Any]:
    state = State(sample.metadata)

    async def generate(asked: State, **_: Any) -> State:
        asked.output = Said.from_content("model", ASKS["outputs"][str(sample.id)])
        return asked

    try:
        await task.solver(state, generate)
    except ValueError as error:
        return {"error": str(error)}
    score = await task.scorer(state, None)
    messages = [{"role": type(each).__name__, **shown(each)} for each in state.messages]
    return {"messages": messages, "value": score.value, "metadata": score.metadata}


def shown(value: Any) -> Any:
    if isinstance(value, list):
        return [shown(part) for part in value]
    if isinstance(value, Values):
        return {key: shown(part) for key, part in value.__dict__.items() if part is not None}
    return value


async def main() -> None:
    sys.path.insert(0, sys.argv[1])
    task = importlib.import_module("task").evald_eval()
    answers = {str(each.id): await scored(task, each) for each in task.dataset}
    assert "evald" not in sys.modules
    print(json.dumps({"answers": answers, "config": shown(task.config)}))


if __name__ == "__main__":
    asyncio.run(main())
