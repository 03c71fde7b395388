"""What the model server says to `POST /responses`."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from tests.model_server.asking import QUESTION
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step, ToolCall

SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed"}


def events(models: ModelServer, **parameters: Any) -> list[Any]:
    """Make a streamed call and parse the events of its answer."""
    connection = HTTPConnection(urlsplit(models.url).netloc, timeout=10)
    body = {"model": "any", "input": QUESTION, "stream": True, **parameters}
    connection.request("POST", "/v1/responses", json.dumps(body))
    try:
        told = connection.getresponse().read().decode().removesuffix("\n\n").split("\n\n")
    finally:
        connection.close()
    return [json.loads(each.partition("data: ")[2]) for each in told]


def test_the_official_client_understands_both_kinds_of_answer(models: ModelServer) -> None:
    client = openai.OpenAI(base_url=models.url, api_key="key", max_retries=0)
    models.script(Step(items=[SEARCH], tool_calls=[ToolCall("f", "{}")], text="four"))

    whole = client.responses.create(model="any", input=QUESTION)
    stream = list(client.responses.create(model="any", input=QUESTION, stream=True))

    assert whole.output_text == "four"
    assert [item.type for item in whole.output] == ["web_search_call", "message", "function_call"]
    last: Any = stream[-1]
    assert (last.type, last.response.output_text) == ("response.completed", "four")
    assert last.response.usage == whole.usage


def test_the_pieces_of_a_stream_add_up_to_the_text_of_its_last_event(models: ModelServer) -> None:
    told = events(models)

    pieces = [each["delta"] for each in told if each["type"] == "response.output_text.delta"]
    assert "".join(pieces) == QUESTION
    assert told[-1]["response"]["output"][0]["content"][0]["text"] == QUESTION


@pytest.mark.parametrize(
    ("step", "last"),
    [
        (Step(finish_reason="length"), "response.incomplete"),
        (Step(response_status="failed"), "response.failed"),
        (Step(fault=Fault.ERROR_WITHIN), "error"),
        (Step(refusal="No."), "response.completed"),
    ],
)
def test_a_stream_ends_with_the_event_that_the_step_means(
    models: ModelServer, step: Step, last: str
) -> None:
    models.script(step)

    assert events(models)[-1]["type"] == last


def test_a_stream_that_is_not_ended_lacks_its_last_event(models: ModelServer) -> None:
    models.script(Step(fault=Fault.UNENDED))

    assert "response.completed" not in [each["type"] for each in events(models)]


def test_a_rule_can_be_for_one_api_alone(models: ModelServer) -> None:
    client = openai.OpenAI(base_url=models.url, api_key="key", max_retries=0)
    models.script_rules(Rule([Step(status=404)], api="responses"))

    client.chat.completions.create(model="any", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="any", input="Hi")

    assert [seen.path for seen in models.requests()] == ["/v1/chat/completions", "/v1/responses"]
    assert models.stats().calls_by_message == {"Hi": 2}
