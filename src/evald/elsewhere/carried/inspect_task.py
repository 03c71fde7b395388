"""An eval of evald as a task of Inspect. Everything that is special to it stands in eval.json.

    inspect eval task.py --model openai/MODEL -M responses_api=false

Rows are rendered and graded by evald's own code, which is in `evald_graders/`. A python grader's program
runs WITHOUT evald's sandbox, with all that the user of Inspect may do.
"""

import json
import math
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample, json_dataset
from inspect_ai.model import GenerateConfig, ModelOutput, get_model
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from evald.elsewhere.carried.asking import asked_messages
from evald.elsewhere.carried.endpoint import call_params
from evald.elsewhere.carried.grading import Ask, grade_of, said, tools_asking
from evald.elsewhere.carried.inspect_messages import completion_from, inspect_messages
from evald.errors import ModelUnavailable
from evald.graders.interface import Grade
from evald.rules.sample import sample_namespace
from evald.rules.verdict import item_status
from evald.sampling.interface import ChatRequest, Completion

FOLDER = Path(__file__).parent
EVAL = json.loads((FOLDER / "eval.json").read_text(encoding="utf-8"))
VERDICTS = {"pass": 1.0, "fail": 0.0, "error": math.nan}
"""A verdict as a score; NaN is a sample that Inspect leaves out of its metrics."""
SETTINGS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "max_completion_tokens": "max_tokens",
}
"""Sampling params by the names that Inspect has for them; others go to the endpoint as they are."""


@task
def evald_eval(judges: str = "openai") -> Task:
    """Give the task. `judges` is the provider of the judge models, such as openai-api/local."""
    return Task(
        dataset=json_dataset(str(FOLDER / "samples.jsonl"), _sample),
        solver=sampled(),
        scorer=verdict(judges),
        config=_config(EVAL["params"]),
        fail_on_error=False,
        name=EVAL["task"],
    )


def _sample(record: dict[str, Any]) -> Sample:
    """Texts of the row are shown as JSON, so that nothing in them is a path or a message by itself."""
    shown = json.dumps(record["item"], ensure_ascii=False)
    return Sample(input=shown, id=record["id"], metadata={"row": json.dumps(record)})


def _config(params: dict[str, Any]) -> GenerateConfig:
    known = call_params(params)
    config = {SETTINGS[key]: known.pop(key) for key in SETTINGS if key in known}
    return GenerateConfig(**config, extra_body=known or None)


@solver
def sampled() -> Solver:
    """Ask the model for the row's sample, or take the one that the row brings."""
    messages_for = asked_messages(EVAL["asked"])

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        row = json.loads(state.metadata["row"])
        if "sample" in row:
            text = sample_namespace(row["sample"])["output_text"]
            state.output = ModelOutput.from_content("given", text)
            return state
        state.messages = inspect_messages(messages_for({"item": row["item"]}))
        return await generate(state, tool_calls="none")

    return solve


@scorer(metrics={"*": [mean(), stderr()]})
def verdict(judges: str) -> Scorer:
    """Grade by every criterion; the row passes if all pass, and has no verdict where one broke."""
    tools = tools_asking(_asking(judges))

    async def score(state: TaskState, target: Target) -> Score:
        row = json.loads(state.metadata["row"])
        completion = row["sample"] if "sample" in row else completion_from(state.output)
        grades = [
            await grade_of(criterion, row["item"], completion, tools)
            for criterion in EVAL["criteria"]
        ]
        named = dict(zip(EVAL["names"], grades, strict=True))
        status = item_status(grade.outcome for grade in grades)
        return Score(
            value={"verdict": VERDICTS[status]} | {name: _passed(named[name]) for name in named},
            answer=state.output.completion,
            explanation="\n".join(f"{name}: {said(grade)}" for name, grade in named.items()),
            metadata={"status": status, "criteria": {name: _shown(named[name]) for name in named}},
        )

    return score


def _passed(grade: Grade) -> float:
    return math.nan if grade.error else float(grade.passed)


def _shown(grade: Grade) -> dict[str, Any]:
    return {"score": grade.score, "error": grade.error, **grade.extras}


def _asking(provider: str) -> Ask:
    """Give a function that asks judges through Inspect, so that its cache and its counts hold."""
    options = {"responses_api": False} if provider == "openai" else {}

    async def ask(request: ChatRequest) -> Completion:
        try:
            messages = inspect_messages(request.messages)
            model = get_model(f"{provider}/{request.model}", **options)
            output = await model.generate(messages, config=_config(request.params))
        except Exception as error:
            status = getattr(error, "status_code", None)
            raise ModelUnavailable("upstream_error", str(error), status=status) from error
        if output.error:
            raise ModelUnavailable("upstream_error", output.error)
        return Completion(completion_from(output), output.time or 0.0, 1)

    return ask
