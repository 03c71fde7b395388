"""The objects of the API that make up an answer: whole completions, chunks, errors."""

import re
from collections.abc import Iterator
from itertools import chain

from tests.model_server.call import Call
from tests.model_server.script import Fault, Step, ToolCall

MIB = 1024 * 1024
CREATED = 1_790_000_000  # a fixed Unix time: answers are the same in every run of a test
WORDS = re.compile(r"\S+\s*|\s+")

JsonObject = dict[str, object]


def text_of_answer(call: Call, step: Step) -> str | None:
    """Give the content of the answer; None beside a refusal or tool calls without a text."""
    if step.fault is Fault.HUGE:
        return "x" * (step.size_mib * MIB)
    if step.text is not None:
        return step.text
    if step.refusal is not None or step.tool_calls:
        return None
    if step.tokens is not None:
        return " ".join(["token"] * step.tokens)
    return call.message.upper() if step.echo == "upper" else call.message


def whole(call: Call, step: Step, number: int) -> JsonObject:
    """Give the chat.completion object of an unstreamed answer."""
    text = text_of_answer(call, step)
    message: JsonObject = {"role": "assistant", "content": text, "refusal": step.refusal}
    if step.reasoning is not None:
        message["reasoning_content"] = step.reasoning
    if step.tool_calls:
        message["tool_calls"] = [tool_call_object(tool) for tool in step.tool_calls]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason(step),
    }
    completion: JsonObject = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": step.answers_as or call.model,
        "choices": [choice],
    }
    if step.usage:
        completion["usage"] = usage(call, step, text)
    return completion


def chunks(call: Call, step: Step, number: int) -> Iterator[JsonObject]:
    """Give the chat.completion.chunk objects of a streamed answer, in order."""
    text = text_of_answer(call, step)
    frame: JsonObject = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": step.answers_as or call.model,
    }
    if call.wants_usage:
        frame["usage"] = None
    for delta in deltas(step, text):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        yield {**frame, "choices": [choice]}
    last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish_reason(step)}
    yield {**frame, "choices": [last]}
    if call.wants_usage and step.usage:
        yield {**frame, "choices": [], "usage": usage(call, step, text)}


def deltas(step: Step, text: str | None) -> Iterator[JsonObject]:
    """Give what each chunk adds: the role, then pieces of all that the step has."""
    yield {"role": "assistant", "content": None if text is None else ""}
    for piece in pieces(step.reasoning):
        yield {"reasoning_content": piece}
    for piece in pieces(text):
        yield {"content": piece}
    for piece in pieces(step.refusal):
        yield {"refusal": piece}
    yield from chain.from_iterable(tool_deltas(index, t) for index, t in enumerate(step.tool_calls))


def pieces(text: str | None) -> list[str]:
    """Cut a text into its words with the space after them, a very long one into MiB."""
    if not text:
        return []
    if len(text) > MIB:
        return [text[start : start + MIB] for start in range(0, len(text), MIB)]
    return WORDS.findall(text)


def tool_deltas(index: int, tool: ToolCall) -> Iterator[JsonObject]:
    """Give a tool call as a stream has it: its name first, then its arguments, 5 letters each."""
    begun = {**tool_call_object(tool), "function": {"name": tool.name, "arguments": ""}}
    yield {"tool_calls": [{"index": index, **begun}]}
    for start in range(0, len(tool.arguments), 5):
        piece = {"arguments": tool.arguments[start : start + 5]}
        yield {"tool_calls": [{"index": index, "function": piece}]}


def tool_call_object(tool: ToolCall) -> JsonObject:
    """Give a tool call as an unstreamed answer has it."""
    function = {"name": tool.name, "arguments": tool.arguments}
    return {"id": tool.id, "type": "function", "function": function}


def finish_reason(step: Step) -> str:
    """Give the scripted reason, or the usual one."""
    return step.finish_reason or ("tool_calls" if step.tool_calls else "stop")


def usage(call: Call, step: Step, text: str | None) -> JsonObject:
    """Count words as tokens: those of the messages, those of the answer."""
    completion_tokens = max(1, len(pieces(text)))
    return {
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": call.prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": step.cached_tokens},
    }


def error(status: int, message: str, param: str | None, code: str | None) -> JsonObject:
    """Give an error in OpenAI's shape."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
