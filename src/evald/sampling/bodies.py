"""The bodies of calls, in the words that an API and a provider know."""

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.api_params import NotSayable, chat_params, responses_params
from evald.rules.response_input import chat_messages, input_items
from evald.rules.sample import TOKEN_LIMIT_NAMES, token_limit
from evald.sampling.interface import ChatRequest
from evald.sampling.providers import Provider

RESERVED = frozenset({"model", "messages", "stream", "stream_options", "n", *TOKEN_LIMIT_NAMES})
"""Keys of a request that sampling params do not set by themselves."""


def chat_body(request: ChatRequest, provider: Provider) -> JsonObject:
    """Give the body of a chat call without its streaming keys.

    Sampling params that evald does not know are passed on, so that a new option of a model can be
    used on the day it comes. Raises NotSayable for a request to `/responses` that is none of chat.
    """
    asked, params = request.messages, request.params
    if request.api == "responses":
        asked, params = _said_in_chat(asked), chat_params(params)
    messages: list[JsonValue] = [_with_known_role(each, provider) for each in asked]
    body: JsonObject = {"model": request.model, "messages": messages}
    for key, value in params.items():
        if value is not None and key not in RESERVED:
            body[key] = value
    limit = token_limit(params)
    if limit is not None:
        body[provider.token_limit_name] = limit
    return body


def _said_in_chat(items: list[JsonObject]) -> list[JsonObject]:
    messages = chat_messages(items)
    for message in messages:
        if "role" not in message:
            raise NotSayable(f"input items of type '{message.get('type')}'")
    return messages


def responses_body(request: ChatRequest, provider: Provider) -> JsonObject:
    """Give the body of a call to `/responses` without its streaming keys."""
    messages = [_with_known_role(each, provider) for each in request.messages]
    return {
        "model": request.model,
        "input": input_items(messages),
        **responses_params(request.params),
    }


def _with_known_role(message: JsonObject, provider: Provider) -> JsonObject:
    if message.get("role") != "developer":
        return message
    return {**message, "role": provider.developer_role}
