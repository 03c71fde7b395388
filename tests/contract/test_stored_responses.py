"""Responses through the official clients: made, streamed, found, deleted."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types import responses as response_types

from tests.contract.making import MODEL
from tests.contract.watching import API_KEY, Watch
from tests.model_server.client import ModelServer
from tests.model_server.script import Step, ToolCall
from tests.server import EvaldServer


@pytest.fixture
def streaming(server: EvaldServer) -> Iterator[openai.OpenAI]:
    """A client whose streams nobody reads before the test does."""
    http_client = openai.DefaultHttpxClient(verify=False)
    with openai.OpenAI(
        base_url=server.base_url, api_key=API_KEY, max_retries=0, http_client=http_client
    ) as client:
        yield client


def made(client: openai.OpenAI, sent: Any = "Say hi.", **also: Any) -> Any:
    return client.responses.create(model=MODEL, input=sent, **also)


def test_a_response_is_found_as_it_was_answered(client: openai.OpenAI) -> None:
    answered = made(client, metadata={"case": "found"}, instructions="Be brief.", user="u-1")

    found = client.responses.retrieve(answered.id)

    assert found.output_text == answered.output_text == "Say hi."
    assert (found.metadata, found.instructions) == ({"case": "found"}, "Be brief.")
    assert found.to_dict() | answered.to_dict() == found.to_dict()


def test_a_stream_that_was_read_to_its_end_is_stored_by_then(
    client: openai.OpenAI, streaming: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text="one two three"))
    for _ in range(20):
        events = list(made(streaming, stream=True))

        last = events[-1]
        assert isinstance(last, response_types.ResponseCompletedEvent)
        assert client.responses.retrieve(last.response.id).output_text == "one two three"
        said = [e.delta for e in events if isinstance(e, response_types.ResponseTextDeltaEvent)]
        assert "".join(said) == "one two three"


def test_the_stream_helper_gives_the_whole_response(streaming: openai.OpenAI) -> None:
    with streaming.responses.stream(model=MODEL, input="Say hi.") as stream:
        response = stream.get_final_response()

    assert response.output_text == "Say hi."


def test_calls_of_functions_are_stored(client: openai.OpenAI, models: ModelServer) -> None:
    models.script(Step(tool_calls=[ToolCall("look", '{"at": "it"}')]))
    tools: Any = [{"type": "function", "name": "look", "parameters": {}, "strict": False}]

    answered = made(client, tools=tools)

    found = client.responses.retrieve(answered.id)
    (call,) = (each for each in found.output if each.type == "function_call")
    assert (call.name, call.arguments) == ("look", '{"at": "it"}')
    assert found.tools[0].to_dict()["name"] == "look"


def test_a_response_with_store_false_is_not_stored(client: openai.OpenAI) -> None:
    answered = made(client, store=False)

    with pytest.raises(openai.NotFoundError) as missing:
        client.responses.retrieve(answered.id)

    assert answered.id in missing.value.message


def test_a_deleted_response_is_gone(client: openai.OpenAI) -> None:
    answered = made(client)

    client.responses.delete(answered.id)

    for ask in (
        client.responses.retrieve,
        client.responses.delete,
        client.responses.input_items.list,
    ):
        with pytest.raises(openai.NotFoundError):
            ask(answered.id)


def test_the_answer_to_a_delete_names_what_is_gone(
    client: openai.OpenAI, server: EvaldServer
) -> None:
    response_id = made(client).id

    gone = server.ask("DELETE", f"/v1/responses/{response_id}")

    assert gone.json == {"id": response_id, "object": "response", "deleted": True}


def test_a_text_is_listed_as_the_message_that_it_was(client: openai.OpenAI) -> None:
    answered = made(client, "Say hi.")

    (item,) = client.responses.input_items.list(answered.id)

    assert isinstance(item, response_types.ResponseInputMessageItem)
    assert item.to_dict() == {
        "id": f"{answered.id}-0",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_text", "text": "Say hi."}],
    }


CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "5"}
ITEMS: Any = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "input_text", "text": "What is 2 + 3?"}]},
    {"role": "assistant", "content": "Let me look."},
    {**CALL, "id": "fc_1"},
    OUTPUT,
]


def test_input_items_are_listed_in_the_forms_that_the_client_knows(client: openai.OpenAI) -> None:
    answered = made(client, ITEMS)

    found = list(client.responses.input_items.list(answered.id, order="asc"))

    assert [each.id for each in found] == [
        *(f"{answered.id}-{place}" for place in range(3)),
        "fc_1",
        f"{answered.id}-4",
    ]
    developer, user, assistant, call, output = (each.to_dict() for each in found)
    assert developer["content"] == [{"type": "input_text", "text": "Be brief."}]
    assert user["content"] == ITEMS[1]["content"]
    assert assistant["content"] == [
        {"type": "output_text", "text": "Let me look.", "annotations": []}
    ]
    assert call == ITEMS[3]
    assert output == {**OUTPUT, "id": f"{answered.id}-4"}


@pytest.mark.parametrize("order", ["asc", "desc", None])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_input_items_are_listed_page_after_page_the_last_first(
    client: openai.OpenAI, order: Any, limit: int
) -> None:
    sent: Any = [{"role": "user", "content": str(number)} for number in range(5)]
    answered = made(client, sent)
    query = {} if order is None else {"order": order}

    listed: Any = client.responses.input_items.list(answered.id, limit=limit, **query)

    texts = "".join(item.content[0].text for item in listed)
    assert texts == ("01234" if order == "asc" else "43210")


def test_an_after_that_is_no_input_item_is_refused(client: openai.OpenAI) -> None:
    answered = made(client)

    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.input_items.list(answered.id, after="nothing")

    assert refused.value.param == "after"


def test_what_runs_in_the_background_is_refused(client: openai.OpenAI, models: ModelServer) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        made(client, extra_body={"background": True})

    assert refused.value.param == "background"
    assert models.stats().started == 0


def test_a_stored_response_is_neither_canceled_nor_streamed_again(
    client: openai.OpenAI, server: EvaldServer
) -> None:
    path = f"/v1/responses/{made(client).id}"

    canceled = server.ask("POST", f"{path}/cancel", b"")
    streamed = server.ask("GET", f"{path}?stream=true")

    assert (canceled.status, streamed.status) == (400, 400)
    assert streamed.json["error"]["param"] == "stream"


async def test_the_async_client_does_the_same(server: EvaldServer, watch: Watch) -> None:
    async with watch.async_client(server.base_url) as client:
        answered = await client.responses.create(model=MODEL, input="Say hi.")
        found = await client.responses.retrieve(answered.id)
        items = [each async for each in client.responses.input_items.list(answered.id)]

    assert found.output_text == "Say hi."
    assert len(items) == 1
