"""Samples: what a model gave, as templates see it and as an output item shows it.

A sample is held as a chat completion (contract section 5.1), the form in which datasets bring it and
in which the hosted API shows it.
"""

from contextlib import suppress

from evald.contract.counts import ModelUsage, Purpose
from evald.contract.json_types import JsonObject, JsonValue
from evald.rules import json_text
from evald.rules.messages import Messages, flat_content, flat_messages
from evald.rules.template import JSON_SPACE


def sample_namespace(sample: JsonObject) -> JsonObject:
    """Give what `sample.…` means in a template (contract section 6.1).

    `output_text` is always a text and `output_tools` always a list; `output_json` is there only when
    the text is JSON. Other keys of the sample stay readable.
    """
    message = first_message(sample)
    text = flat_content(message["content"]) if message.get("content") is not None else ""
    named = sample.get("output_text")
    if isinstance(named, str) and not message:
        text = named
    tools = message.get("tool_calls") or sample.get("output_tools") or []
    namespace: JsonObject = {**sample, "output_text": text, "output_tools": []}
    if isinstance(tools, list):
        namespace["output_tools"] = tools
    if "output_json" not in namespace and text.lstrip(JSON_SPACE)[:1] in STARTS_OF_JSON:
        with suppress(json_text.BadJson, UnicodeEncodeError):
            namespace["output_json"] = json_text.parse(text.encode())
    if message.get("audio"):
        namespace["output_audio"] = message["audio"]
    return namespace


def with_choices(sample: JsonValue) -> JsonObject:
    """Give what `sample` means to a program: as to templates, and `choices` are always a list.

    Where a row brought a text alone, it is the message of the only choice.
    """
    namespace = sample if isinstance(sample, dict) else {}
    if isinstance(namespace.get("choices"), list):
        return namespace
    text = namespace.get("output_text")
    message: JsonObject = {"role": "assistant", "content": text}
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**namespace, "choices": [choice] if text else []}


STARTS_OF_JSON = frozenset('{["-tfn0123456789')
"""Parsing a text that is none only to be refused costs more than everything else here."""


def first_message(sample: JsonObject) -> JsonObject:
    """Give the message of the first choice, or an empty object where there is none."""
    match sample.get("choices"):
        case [{"message": dict(message)}, *_]:
            return message
    return {}


def shown_sample(
    sample: JsonObject | None,
    *,
    messages: Messages,
    sampling_params: JsonObject,
    error: JsonObject | None,
) -> JsonObject:
    """Give the `sample` of an output item (contract section 3.5); every key is always there."""
    completion = sample or {}
    limit = token_limit(sampling_params)
    return {
        "input": flat_messages(messages),
        "output": _shown_output(completion),
        "finish_reason": _finish_reason(completion),
        "model": _text_or(completion.get("model"), ""),
        "usage": {**usage_numbers(completion.get("usage"))},
        "error": error,
        "temperature": _given(sampling_params, "temperature", 1.0),
        "top_p": _given(sampling_params, "top_p", 1.0),
        "seed": sampling_params.get("seed"),
        "max_completions_tokens": limit,
        "max_completion_tokens": limit,
    }


def shown_judge_sample(
    completion: JsonObject | None,
    *,
    messages: Messages,
    sampling_params: JsonObject,
    error: JsonObject | None,
) -> JsonObject:
    """Give the `sample` of a judge's result, with the keys that the live service has (contract 3.4)."""
    shown = shown_sample(
        completion, messages=messages, sampling_params=sampling_params, error=error
    )
    # Of what a judge gives beside its text, only texts are shown: a judge calls no tools.
    output: list[JsonValue] = [
        {key: value for key, value in message.items() if isinstance(value, str)}
        for message in _shown_output(completion or {})
        if isinstance(message, dict)
    ]
    del shown["max_completion_tokens"]
    return {**shown, "output": output, "reasoning_effort": sampling_params.get("reasoning_effort")}


def logged_params(sample: JsonObject) -> JsonObject:
    """Give the sampling params that a stored completion shows of its request, where it does."""
    return {
        key: value
        for key in ("temperature", "top_p", "seed")
        if isinstance(value := sample.get(key), int | float) and not isinstance(value, bool)
    }


def _text_or(value: JsonValue, default: str) -> str:
    """Datasets hold whatever someone wrote; clients rely on a text here."""
    return value if isinstance(value, str) and value else default


def _given(params: JsonObject, key: str, default: JsonValue) -> JsonValue:
    value = params.get(key)
    return default if value is None else value


def token_limit(sampling_params: JsonObject) -> JsonValue:
    """Give the limit of output tokens, by whichever of its names it was sent (contract section 5.3)."""
    for name in TOKEN_LIMIT_NAMES:
        if sampling_params.get(name) is not None:
            return sampling_params[name]
    return None


TOKEN_LIMIT_NAMES = (
    "max_completion_tokens",
    "max_completions_tokens",
    "max_output_tokens",
    "max_tokens",
)


def _shown_output(completion: JsonObject) -> list[JsonValue]:
    message = first_message(completion)
    if not message:
        text = completion.get("output_text")
        return [{"role": "assistant", "content": text}] if isinstance(text, str) else []
    shown: JsonObject = {
        "role": _text_or(message.get("role"), "assistant"),
        "content": flat_content(message.get("content")),
    }
    for extra in ("tool_calls", "refusal", "reasoning_content"):
        if message.get(extra):
            shown[extra] = message[extra]
    return [shown]


def _finish_reason(completion: JsonObject) -> JsonValue:
    match completion.get("choices"):
        case [{"finish_reason": str(reason)}, *_]:
            return reason
    return ""


def usage_numbers(usage: JsonValue) -> dict[str, int]:
    """Give the usage of a chat completion in the form of an output item; absent numbers are 0."""
    numbers = usage if isinstance(usage, dict) else {}
    details = numbers.get("prompt_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, dict) else 0
    prompt, completion = _count(numbers, "prompt_tokens"), _count(numbers, "completion_tokens")
    return {
        "total_tokens": _count(numbers, "total_tokens") or prompt + completion,
        "completion_tokens": completion,
        "prompt_tokens": prompt,
        "cached_tokens": cached or _count(numbers, "cached_tokens"),
    }


def usage_of(completion: JsonObject, purpose: Purpose) -> ModelUsage:
    """Give what one call cost, under the name that the endpoint gave itself."""
    model = str(completion.get("model") or "").replace("\x00", "")
    return ModelUsage(model, 1, **usage_numbers(completion.get("usage")), purpose=purpose)


def _count(numbers: JsonObject, key: str) -> int:
    value = numbers.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value < 2**53 else 0
