"""One row becomes one output item: messages, sample, grades, verdict."""

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from evald.contract.counts import ModelUsage, by_model
from evald.contract.json_types import JsonObject, JsonValue
from evald.errors import GraderFailed, ModelUnavailable, NotBegun
from evald.graders.interface import Grade, Grader, graded
from evald.ids import new_id
from evald.rules import json_text
from evald.rules.messages import Messages, UnusableMessages
from evald.rules.regrade import error_of, messages_of, params_of
from evald.rules.response import chat_form, is_response, response_fault
from evald.rules.response_input import shown_messages
from evald.rules.sample import logged_params, sample_namespace, shown_sample, usage_of
from evald.rules.tally import Counted
from evald.rules.template import RowNamespaces, TextTooLong
from evald.rules.verdict import item_status
from evald.runs.recipe import Recipe
from evald.runs.tools import Tools
from evald.sampling.interface import Api, ChatRequest
from evald.store.chunks import Row
from evald.store.output_items import NewItem

log = structlog.get_logger()

BROKE: Final = "evald failed on this row; its log says why."
PATHS: Final[dict[Api, str]] = {"chat": "chat_completions", "responses": "responses"}
"""The APIs as an output item names them, where a row was asked by another one than its run's."""
LONGEST_ERROR: Final = 500
"""Characters of an error that are kept beside an item, for counting the most common ones."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What sampling a row gave: a chat completion, or an error, or nothing where none is asked."""

    messages: Messages
    body: JsonObject | None = None
    error: JsonObject | None = None
    attempts: int = 0
    """Calls made for it, also those in vain; none when the row brought its sample."""
    latency: float | None = None
    """Seconds of the last of them."""
    api: Api | None = None
    """The API that gave it, or None where none did."""


async def one_item(row: Row, recipe: Recipe, tools: Tools) -> NewItem:
    """Give the output item of a row.

    A model that does not answer and a grader that breaks make an errored item, never an exception.
    Raises NotBegun when the process leaves before the first call was made.
    """
    sampled = await _sample(row, recipe, tools)
    if recipe.model is None:
        # Rows that are only graded never wait; let requests in between.
        await asyncio.sleep(0)
    grades = await _grades(row, sampled, recipe)
    now = int(tools.clock())
    try:
        return _output_item(row, sampled, grades, recipe, now)
    except json_text.BadJson as error:  # an endpoint can nest its answer deeper than can be kept
        reason = _error("invalid_response", f"The answer cannot be kept: {error}")
        unkept = Sampled([], error=reason, attempts=sampled.attempts, latency=sampled.latency)
        return _output_item(row, unkept, await _grades(row, unkept, recipe), recipe, now)


async def _sample(row: Row, recipe: Recipe, tools: Tools) -> Sampled:
    messages: Messages = []
    try:
        messages = recipe.messages({"item": row.item})
        if recipe.model is None:
            return _given(messages, row)
        request = ChatRequest(recipe.model, messages, recipe.sampling_params, recipe.api)
        if recipe.api == "responses":
            messages = shown_messages(messages)
        completion = await tools.sampler.sample(request, recipe.run_id, tools.gate)
    except (UnusableMessages, json_text.BadJson) as error:
        return Sampled(messages, error=_error("invalid_input_messages", str(error)))
    except TextTooLong as error:
        return Sampled(messages, error=_error("text_too_long", str(error)))
    except ModelUnavailable as error:
        reason = _error(error.code, error.message)
        return Sampled(messages, error=reason, attempts=error.attempts, latency=error.latency)
    except NotBegun:
        raise
    except Exception:  # the border of the row: whatever an endpoint sends, the run goes on
        log.exception("sampling broke", run=recipe.run_id, row=row.index)
        return Sampled(messages, error=_error("internal_error", BROKE))
    return Sampled(
        messages,
        completion.body,
        attempts=completion.attempts,
        latency=completion.latency,
        api=completion.api,
    )


def _given(messages: Messages, row: Row) -> Sampled:
    """Give the sample that a row brings: a chat completion, a response, or a text by hand."""
    sample = row.sample
    if row.regraded is not None:
        messages = messages_of(row.regraded)
        if (error := error_of(row.regraded)) is not None:
            return Sampled(messages, error=error)
    if sample is None or not is_response(sample):
        return Sampled(messages, sample)
    if row.regraded is None:
        messages = shown_messages(messages)
    fault = response_fault(sample)
    if fault is not None:
        return Sampled(messages, error=_error(fault.code, fault.message))
    return Sampled(messages, chat_form(sample))


async def _grades(row: Row, sampled: Sampled, recipe: Recipe) -> list[Grade]:
    if sampled.error is not None:
        broken = GraderFailed("no_sample", "The model gave no sample to grade.")
        return [Grade.errored(broken) for _ in recipe.criteria]
    sample = sample_namespace(sampled.body or {})
    namespaces = RowNamespaces({"item": row.item, "sample": sample})
    if recipe.grades_together:
        return await _together(
            [_grade(grader, namespaces, recipe.run_id) for _, grader in recipe.criteria]
        )
    return [await _grade(grader, namespaces, recipe.run_id) for _, grader in recipe.criteria]


async def _together(grading: Sequence[Coroutine[Any, Any, Grade]]) -> list[Grade]:
    """Give the grades in order; a cancel cuts off all that wait for a judge or a sandbox."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in grading]
    return [task.result() for task in tasks]


async def _grade(grader: Grader, namespaces: RowNamespaces, run_id: str) -> Grade:
    try:
        return await graded(grader, namespaces)
    except Exception:  # the border of the row, as above
        log.exception("grader broke", run=run_id)
        return Grade.errored(GraderFailed("internal_error", BROKE))


def _output_item(
    row: Row, sampled: Sampled, grades: list[Grade], recipe: Recipe, now: int
) -> NewItem:
    judged = [usage for grade in grades for usage in grade.usage]
    counted = _counted(sampled, grades, judged)
    item_id = new_id("outputitem")
    body: JsonObject = {
        "object": "eval.run.output_item",
        "id": item_id,
        "created_at": now,
        "run_id": recipe.run_id,
        "eval_id": recipe.eval_id,
        "status": counted.status,
        "datasource_item_id": row.index,
        "datasource_item": row.item,
        "results": [
            _result(criterion, grade)
            for (criterion, _), grade in zip(recipe.criteria, grades, strict=True)
        ],
        "sample": shown_sample(
            sampled.body,
            messages=sampled.messages,
            sampling_params=_params(row, recipe),
            error=sampled.error,
        ),
        "_datasource_item_content_hash": content_hash(row.item),
        "evald": _extras(row, sampled, judged, recipe),
    }
    return NewItem(item_id, row.index, json_text.dump(body), counted, _why(sampled, grades))


def _params(row: Row, recipe: Recipe) -> JsonObject:
    """Give what the model was asked with: now, or by whoever made the sample of the row."""
    if recipe.model is not None:
        return recipe.sampling_params
    if row.regraded is not None:
        return params_of(row.regraded)
    return logged_params(row.sample or {}) | recipe.sampling_params


def _counted(sampled: Sampled, grades: list[Grade], judged: list[ModelUsage]) -> Counted:
    outcomes = tuple(grade.outcome for grade in grades)
    status = "error" if sampled.error is not None else item_status(outcomes)
    body = sampled.body
    asked = (usage_of(body, "sampling"),) if body is not None and sampled.attempts else ()
    return Counted(status, outcomes, (*asked, *judged))


def _result(criterion: JsonObject, grade: Grade) -> JsonObject:
    result: JsonObject = {
        "name": criterion["id"],
        "type": criterion["type"],
        "passed": grade.passed,
        "score": grade.score,
        "sample": grade.sample,
        **grade.extras,
    }
    return result if grade.error is None else {**result, "error": grade.error}


def content_hash(item: JsonObject) -> str:
    """Give the sha-256 of an item, the same for every order of its keys."""
    return hashlib.sha256(orjson.dumps(item, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _extras(row: Row, sampled: Sampled, judged: list[ModelUsage], recipe: Recipe) -> JsonObject:
    latency = sampled.latency
    extras: JsonObject = {
        "latency_ms": None if latency is None else round(latency * 1000, 1),
        "attempts": sampled.attempts,
        "judge_usage": [usage.as_json() for usage in by_model(judged)],
    }
    if sampled.api is not None and sampled.api != recipe.api:
        extras["asked_by"] = PATHS[sampled.api]
    if row.regraded is not None:
        extras["regrade_of"] = row.regraded.get("item_id")
    return extras


def _why(sampled: Sampled, grades: list[Grade]) -> str | None:
    errors = [sampled.error, *(grade.error for grade in grades)]
    first: JsonValue = next((error for error in errors if error is not None), None)
    if not isinstance(first, dict):
        return None
    return str(first["message"])[:LONGEST_ERROR].replace("\x00", "")


def _error(code: str, message: str) -> JsonObject:
    return {"code": code, "message": message}
