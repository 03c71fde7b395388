"""The real small model behind its HTTP server, asked by the official SDK."""

import re

from openai import OpenAI

from demo.local_model import MODEL_NAME
from demo.servers import ModelServer
from tests.waiting import until

MUCH_TEXT = 1500
"""Tokens of an answer that is not meant to be waited for: some minutes on a slow machine."""


def test_the_model_is_listed_by_its_name(client: OpenAI) -> None:
    assert [each.id for each in client.models.list()] == [MODEL_NAME]


def test_a_streamed_chat_gives_text_and_then_its_usage(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL_NAME,
        messages=[{"role": "user", "content": "Say hello."}],
        max_completion_tokens=5,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = stream
    usage = last.usage

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).strip()
    assert usage is not None
    assert 1 <= usage.completion_tokens <= 5
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_the_same_seed_and_a_temperature_of_0_give_the_same_answer(client: OpenAI) -> None:
    first, second = (
        client.chat.completions.create(
            model=MODEL_NAME,
            messages=[{"role": "user", "content": "Name three colours."}],
            max_completion_tokens=12,
            temperature=0,
            seed=1,
        )
        for _ in range(2)
    )

    assert first.choices[0].message.content == second.choices[0].message.content


def test_leaving_a_streamed_call_frees_its_slot_long_before_its_end(
    client: OpenAI, model: ModelServer
) -> None:
    before = tokens_generated(client)
    stream = client.chat.completions.create(
        model=MODEL_NAME,
        messages=[{"role": "user", "content": "Tell a long story."}],
        max_completion_tokens=MUCH_TEXT,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    next(iter(stream))
    assert model.busy_slots() == 1

    stream.close()

    until(lambda: model.busy_slots() == 0, within=300)
    assert tokens_generated(client) - before < MUCH_TEXT / 2


def tokens_generated(client: OpenAI) -> int:
    """Give how many tokens the server has generated since its start."""
    metrics = client.get("../metrics", cast_to=str)
    found = re.search(r"^llamacpp:tokens_predicted_total (\d+)$", metrics, re.MULTILINE)
    assert found is not None
    return int(found[1])
