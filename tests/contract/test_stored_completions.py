"""Stored chat completions through the official clients: made, found, changed, deleted."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import openai
import pytest

from tests.contract.making import MODEL, ids
from tests.contract.watching import API_KEY, Watch
from tests.model_server.client import ModelServer
from tests.model_server.script import Step, ToolCall
from tests.server import EvaldServer

OF_THE_REQUEST = (
    *("request_id", "tool_choice", "seed", "top_p", "temperature", "presence_penalty"),
    *("frequency_penalty", "input_user", "tools", "metadata", "response_format"),
)
_numbers = count()


@pytest.fixture
def streaming(server: EvaldServer) -> Iterator[openai.OpenAI]:
    """A client whose streams nobody reads before the test does."""
    http_client = openai.DefaultHttpxClient(verify=False)
    with openai.OpenAI(
        base_url=server.base_url, api_key=API_KEY, max_retries=0, http_client=http_client
    ) as client:
        yield client


def new_case() -> dict[str, str]:
    """Give metadata that no other test has."""
    return {"case": f"{next(_numbers)}"}


def stored(client: openai.OpenAI, text: str = "Say hi.", **also: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return client.chat.completions.create(
        **{"model": MODEL, "messages": messages, "store": True, **also}
    )


def test_a_stored_completion_is_what_was_answered_and_what_was_asked(
    client: openai.OpenAI,
) -> None:
    case = new_case()
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]

    answered = stored(client, metadata=case, seed=7, temperature=0.5, user="u-1", tools=tools)

    found = client.chat.completions.retrieve(answered.id).to_dict()
    for key, value in answered.to_dict().items():
        assert found[key] == value
    assert {key: found[key] for key in OF_THE_REQUEST} == {
        **dict.fromkeys(OF_THE_REQUEST),
        "request_id": answered._request_id,
        "seed": 7,
        "temperature": 0.5,
        "input_user": "u-1",
        "tools": tools,
        "metadata": case,
    }


def test_a_streamed_completion_is_stored_as_if_it_had_come_whole(
    client: openai.OpenAI, streaming: openai.OpenAI, models: ModelServer
) -> None:
    models.script(
        Step(text="Let me look.", tool_calls=[ToolCall("look", '{"at": "it"}')], reasoning="Hm.")
    )
    options: Any = {"include_usage": True}
    whole = stored(client)
    pieces = list(stored(streaming, stream=True, stream_options=options))

    streamed = client.chat.completions.retrieve(pieces[0].id).to_dict()

    once = client.chat.completions.retrieve(whole.id).to_dict()
    own = ("id", "request_id")
    assert {**streamed, **dict.fromkeys(own)} == {**once, **dict.fromkeys(own)}


def test_a_stream_that_was_read_to_its_end_is_stored_by_then(
    client: openai.OpenAI, streaming: openai.OpenAI
) -> None:
    for _ in range(20):
        case = new_case()
        pieces = list(stored(streaming, stream=True, metadata=case))

        assert ids(client.chat.completions.list(metadata=case).data) == [pieces[0].id]


@pytest.mark.parametrize("store", [False, None])
def test_a_completion_is_stored_only_if_it_is_asked_for(
    client: openai.OpenAI, store: bool | None
) -> None:
    case = new_case()
    answered = stored(client, store=store, metadata=case)

    assert list(client.chat.completions.list(metadata=case)) == []
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(answered.id)


def test_a_list_is_filtered_by_every_pair_and_by_the_model(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(answers_as="scripted-2026"))
    case = new_case()
    first = stored(client, metadata={**case, "version": "v1"})
    second = stored(client, metadata={**case, "version": "v2"})
    listed = client.chat.completions.list

    assert ids(list(listed(metadata=case))) == [first.id, second.id]
    assert ids(list(listed(metadata={**case, "version": "v2"}))) == [second.id]
    assert ids(list(listed(metadata=case, model=MODEL))) == [first.id, second.id]
    assert ids(list(listed(metadata=case, model="scripted-2026"))) == [first.id, second.id]
    assert ids(list(listed(metadata=case, model="scripted-2025"))) == []
    assert ids(list(listed(metadata={"version": case["case"]}))) == []


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_list_goes_on_page_after_page(client: openai.OpenAI, order: Any, limit: int) -> None:
    case = new_case()
    made = [stored(client, metadata=case).id for _ in range(5)]

    found = ids(list(client.chat.completions.list(metadata=case, order=order, limit=limit)))

    assert found == (made if order == "asc" else made[::-1])


def test_new_metadata_takes_the_place_of_the_old(client: openai.OpenAI) -> None:
    before, after = new_case(), new_case()
    completion = stored(client, metadata=before)

    changed = client.chat.completions.update(completion.id, metadata=after)

    assert changed.metadata == after
    assert client.chat.completions.retrieve(completion.id).metadata == after
    assert list(client.chat.completions.list(metadata=before)) == []
    assert ids(list(client.chat.completions.list(metadata=after))) == [completion.id]
    assert client.chat.completions.update(completion.id, metadata=None).metadata == {}


def test_a_completion_that_leaves_the_filter_between_pages_keeps_its_place(
    client: openai.OpenAI,
) -> None:
    case = new_case()
    first, second = (stored(client, metadata=case).id for _ in range(2))
    page = client.chat.completions.list(metadata=case, limit=1)

    client.chat.completions.update(first, metadata=None)

    assert ids(page.get_next_page().data) == [second]


def test_a_deleted_completion_is_gone(client: openai.OpenAI) -> None:
    case = new_case()
    completion = stored(client, metadata=case)

    gone = client.chat.completions.delete(completion.id)

    assert (gone.id, gone.deleted) == (completion.id, True)
    assert list(client.chat.completions.list(metadata=case)) == []
    for ask in (
        client.chat.completions.retrieve,
        client.chat.completions.delete,
        client.chat.completions.messages.list,
    ):
        with pytest.raises(openai.NotFoundError):
            ask(completion.id)


def test_the_messages_of_a_completion_are_listed_as_they_were_sent(client: openai.OpenAI) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
    ]
    messages: Any = [
        {"role": "developer", "content": "Be short."},
        {"role": "user", "content": parts, "name": "ada"},
    ]
    completion = stored(client, messages=messages)

    found = [each.to_dict() for each in client.chat.completions.messages.list(completion.id)]

    common = {"refusal": None, "name": None, "content_parts": None}
    assert found == [
        {**common, **messages[0], "id": f"{completion.id}-0"},
        {
            **common,
            **messages[1],
            "id": f"{completion.id}-1",
            "content": None,
            "content_parts": parts,
        },
    ]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_messages_are_listed_page_after_page(client: openai.OpenAI, order: Any) -> None:
    messages = [{"role": "user", "content": str(number)} for number in range(5)]
    completion = stored(client, messages=messages)

    listed = client.chat.completions.messages.list(completion.id, order=order, limit=2)

    texts = [message.content for message in listed]
    assert texts == (list("01234") if order == "asc" else list("43210"))
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.messages.list(completion.id, after="nothing")
    assert refused.value.param == "after"


def test_an_id_that_an_endpoint_gives_again_is_not_the_id_of_another_completion(
    client: openai.OpenAI, models: ModelServer
) -> None:
    answer: Any = {
        "id": "always-the-same",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}}],
    }
    case = new_case()
    models.script(Step(body=json.dumps(answer)))
    for number in "12":
        stored(client, metadata={**case, "number": number})

    found = {each.id: each.metadata for each in client.chat.completions.list(metadata=case)}

    assert len(found) == 2
    assert found.get("always-the-same") in (None, {**case, "number": "1"})
    client.chat.completions.delete("always-the-same")


@pytest.mark.parametrize(
    ("also", "param"),
    [
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"k": "\x00"}}, "metadata"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"store": "yes"}, "store"),
        ({"model": 5}, "model"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_the_model_is_asked(
    client: openai.OpenAI, models: ModelServer, also: Any, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        stored(client, **also)

    assert refused.value.param == param
    assert models.stats().started == 0


async def test_the_async_client_does_the_same(server: EvaldServer, watch: Watch) -> None:
    case = new_case()
    async with watch.async_client(server.base_url) as client:
        messages: Any = [{"role": "user", "content": "Say hi."}]
        made = await client.chat.completions.create(
            model=MODEL, messages=messages, store=True, metadata=case
        )
        found = [each.id async for each in client.chat.completions.list(metadata=case)]
        sent = [each async for each in client.chat.completions.messages.list(made.id)]

    assert found == [made.id]
    assert [message.content for message in sent] == ["Say hi."]
