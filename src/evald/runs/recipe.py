"""The recipe of a run: everything about it that is the same for every row, compiled once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evald.contract.graders import (
    embedding_places_of,
    judge_models_of,
    kept_to_criterion,
    python_places_of,
)
from evald.contract.json_types import JsonObject, JsonValue
from evald.graders.interface import Grader
from evald.graders.registry import grader_for
from evald.rules.messages import (
    Messages,
    compile_items,
    compile_logged,
    compile_messages,
    compile_reference,
)
from evald.rules.template import Namespaces
from evald.runs.grader_tools import grader_tools
from evald.runs.tools import Tools
from evald.sampling.interface import Api
from evald.store.runs import RunPlan


@dataclass(frozen=True)
class Recipe:
    """How each row of a run becomes an output item."""

    run_id: str
    eval_id: str
    model: str | None
    """The model to sample, or None when the rows bring their samples."""
    messages: Callable[[Namespaces], Messages]
    """Renders the messages that are sent to the model, or that the row says were sent."""
    sampling_params: JsonObject
    api: Api
    """The API that the run is of; its messages and params are in the words of that one."""
    criteria: tuple[tuple[JsonObject, Grader], ...]
    """Each testing criterion as its eval shows it, with its grader."""
    asks_judges: bool
    """Whether a criterion asks a model, for a judgement or for embeddings."""
    runs_code: bool
    """Whether a criterion is a program, which runs in a sandbox."""

    @property
    def asks_models(self) -> bool:
        """Whether a row waits for any model, to be sampled or to be judged."""
        return self.asks_judges or self.model is not None

    @property
    def grades_together(self) -> bool:
        """Whether the criteria of a row gain from being graded at the same time."""
        return self.asks_judges or self.runs_code


def recipe_of(plan: RunPlan, tools: Tools) -> Recipe:
    """Compile the plan of a run.

    Its judges are asked in its name, as its samples are, and what its graders compute aside is
    computed in its turn. A hundred long formulas take a second: call it in a thread.
    """
    of_graders = grader_tools(tools, plan.run_id)
    source = plan.data_source
    params = source.get("sampling_params")
    model = source.get("model")
    return Recipe(
        run_id=plan.run_id,
        eval_id=plan.eval_id,
        model=model if isinstance(model, str) else None,
        messages=messages_of(source),
        sampling_params=params if isinstance(params, dict) else {},
        api="responses" if source.get("type") == "responses" else "chat",
        criteria=tuple(
            (kept, grader_for(kept_to_criterion(kept), of_graders))
            for kept in plan.testing_criteria
        ),
        asks_judges=any(
            judge_models_of(kept) or embedding_places_of(kept) for kept in plan.testing_criteria
        ),
        runs_code=any(python_places_of(kept) for kept in plan.testing_criteria),
    )


def messages_of(data_source: JsonObject) -> Callable[[Namespaces], Messages]:
    """Give a function that renders the messages of a kept data source for a row."""
    match data_source:
        case {"input_messages": {"type": "template", "template": list(template)}}:
            return compile_messages(_objects(template))
        case {"input_messages": {"type": "item_reference", "item_reference": str(reference)}}:
            of_responses = data_source.get("type") == "responses"
            return (compile_items if of_responses else compile_reference)(reference)
        case {"source": {"type": "stored_completions"}}:
            return compile_logged(compile_reference("item.input"))
        case {"source": {"type": "responses"}}:
            return compile_logged(compile_items("item.input"))
    return lambda _: []


def _objects(values: Sequence[JsonValue]) -> list[JsonObject]:
    return [value for value in values if isinstance(value, dict)]
