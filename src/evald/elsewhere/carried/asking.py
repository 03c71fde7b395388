"""What a model is asked for a row of an exported run."""

from collections.abc import Callable

from evald.contract.json_types import JsonObject
from evald.rules.messages import (
    Messages,
    UnusableMessages,
    compile_items,
    compile_messages,
    compile_reference,
)
from evald.rules.response_input import chat_messages
from evald.rules.template import Namespaces


def asked_messages(asked: JsonObject) -> Callable[[Namespaces], Messages]:
    """Give a function that renders the chat messages for a row; none where nothing is asked.

    `asked` has a `template`, or a `reference` into the row and the `api` of its form. What the function
    gives raises UnusableMessages where a row holds no messages that a chat completion can have.
    """
    match asked:
        case {"template": list(template)}:
            return compile_messages([each for each in template if isinstance(each, dict)])
        case {"reference": str(reference), "api": "responses"}:
            return _said_in_chat(compile_items(reference))
        case {"reference": str(reference)}:
            return compile_reference(reference)
    return lambda _: []


def _said_in_chat(
    items: Callable[[Namespaces], Messages],
) -> Callable[[Namespaces], Messages]:
    def messages(namespaces: Namespaces) -> Messages:
        found = chat_messages(items(namespaces))
        if not all("role" in each for each in found):
            raise UnusableMessages("The row has input items that no chat completion has.")
        return found

    return messages
