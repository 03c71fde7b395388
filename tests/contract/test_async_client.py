"""The asynchronous client, with many requests at once."""

import asyncio
from typing import Any

import openai
import pytest

from tests.contract.making import EXACT, completions, custom, finished, ids, jsonl, row
from tests.model_server.client import ModelServer
from tests.model_server.script import Step


async def a_new_eval(client: openai.AsyncOpenAI) -> Any:
    criteria: Any = [EXACT]
    return await client.evals.create(data_source_config=custom(), testing_criteria=criteria)


async def test_the_whole_way_from_file_to_items(
    async_client: openai.AsyncOpenAI, client: openai.OpenAI
) -> None:
    created = await a_new_eval(async_client)
    line = b'{"item": {"question": "a", "answer": "a"}}\n'
    file = await async_client.files.create(file=("rows.jsonl", line * 5), purpose="evals")
    source = completions(source={"type": "file_id", "id": file.id})
    run = await async_client.evals.runs.create(created.id, data_source=source)

    await asyncio.to_thread(finished, client, run)
    found = await async_client.evals.runs.retrieve(run.id, eval_id=created.id)
    listing = async_client.evals.runs.output_items.list(run.id, eval_id=created.id, limit=2)
    numbers = [item.datasource_item_id async for item in listing]

    assert (found.status, found.result_counts.passed) == ("completed", 5)
    assert sorted(numbers) == [0, 1, 2, 3, 4]
    assert (await async_client.evals.delete(created.id)).deleted


async def test_50_creates_at_once_all_get_ids_of_their_own(
    async_client: openai.AsyncOpenAI,
) -> None:
    created = await asyncio.gather(*(a_new_eval(async_client) for _ in range(50)))
    runs = await asyncio.gather(
        *(async_client.evals.runs.create(each.id, data_source=jsonl(row("a"))) for each in created)
    )

    assert len(set(ids(created))) == 50
    assert len(set(ids(runs))) == 50
    assert [run.eval_id for run in runs] == ids(created)


async def test_a_cancel_of_many_runs_at_once(
    async_client: openai.AsyncOpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    created = await a_new_eval(async_client)
    runs = [
        await async_client.evals.runs.create(created.id, data_source=completions(row("a")))
        for _ in range(5)
    ]

    canceled = await asyncio.gather(
        *(
            async_client.evals.runs.cancel(run.id, eval_id=created.id)
            for run in runs
            for _ in range(3)
        )
    )

    assert {run.status for run in canceled} == {"canceled"}
    assert models.wait(in_flight=0).finished == 0


async def test_an_error_is_raised_as_its_own_class(async_client: openai.AsyncOpenAI) -> None:
    nothing: Any = {}
    with pytest.raises(openai.NotFoundError):
        await async_client.evals.retrieve("eval_0")
    with pytest.raises(openai.BadRequestError):
        await async_client.evals.create(data_source_config=nothing, testing_criteria=[])
