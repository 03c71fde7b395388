"""Imported history as the official SDK reads it, also with every answer validated."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.contract.schema import strict_schema
from tests.contract.watching import API_KEY, Watch
from tests.importing.making import THEN, Archive, imported, new_archive
from tests.server import EvaldServer


@pytest.fixture
def strict(server: EvaldServer) -> Iterator[openai.OpenAI]:
    """A client that raises when an answer of the strict form does not fit its type."""
    watch = Watch(strict_schema)
    with watch.client(server.base_url) as client:
        yield openai.OpenAI(
            base_url=client.base_url,
            api_key=API_KEY,
            max_retries=0,
            http_client=client._client,
            default_headers={"evald-schema-strict": "true"},
            _strict_response_validation=True,
        )
    assert watch.complaints == []


def of_schema(archive: Archive) -> Any:
    """Give the run of an archive without the key that the published schema has not."""
    return {key: value for key, value in archive.run().items() if key != "shared_with_openai"}


def whole(archive: Archive) -> list[Any]:
    return [archive.eval(), of_schema(archive), archive.item(0), archive.item(1)]


def sparse(archive: Archive) -> list[Any]:
    """Give an archive whose objects have null wherever one of evald's own has something."""
    run: dict[str, Any] = dict.fromkeys(
        (
            *("model", "name", "per_model_usage", "per_testing_criteria_results"),
            *("data_source", "metadata", "error", "result_counts"),
        )
    )
    result = {"name": archive.criterion_id, "sample": None, "passed": None, "score": None}
    item = {"sample": None, "results": [result], "datasource_item": None, "status": None}
    return [
        archive.eval(name=None, metadata=None),
        {**of_schema(archive), **run},
        archive.item(0, **item),
    ]


def test_the_sdk_reads_all_of_it(server: EvaldServer, client: openai.OpenAI) -> None:
    archive = new_archive()
    imported(server, *whole(archive))

    of_eval: Any = client.evals.retrieve(archive.eval_id)
    run = client.evals.runs.retrieve(archive.run_id, eval_id=archive.eval_id)
    items = list(client.evals.runs.output_items.list(archive.run_id, eval_id=archive.eval_id))

    assert (of_eval.created_at, of_eval.testing_criteria[0].operation) == (THEN, "eq")
    assert of_eval.data_source_config.schema_["required"] == ["item", "sample"]
    assert run.result_counts.failed == 1
    assert run.per_model_usage[0].run_model_name == "gpt-4o-2024-08-06"
    assert run.per_testing_criteria_results[0].testing_criteria == archive.criterion_id
    assert [item.status for item in items] == ["pass", "fail"]
    assert items[0].sample.output[0].content == "4"
    assert items[0].results[0].passed is True
    assert archive.eval_id in [each.id for each in client.evals.list(limit=100)]


@pytest.mark.parametrize("make", [whole, sparse])
def test_a_validating_client_reads_the_strict_form_of_all_of_it(
    server: EvaldServer, strict: openai.OpenAI, make: Any
) -> None:
    archive = new_archive()
    assert imported(server, *make(archive))["failed"] == 0
    eval_id, run_id = archive.eval_id, archive.run_id

    of_eval = strict.evals.retrieve(eval_id)
    run = strict.evals.runs.retrieve(run_id, eval_id=eval_id)
    listed = list(strict.evals.runs.list(eval_id))
    items = list(strict.evals.runs.output_items.list(run_id, eval_id=eval_id))
    item = strict.evals.runs.output_items.retrieve(items[0].id, eval_id=eval_id, run_id=run_id)

    assert (of_eval.id, run.id, [each.id for each in listed]) == (eval_id, run_id, [run_id])
    assert item.model_dump() == items[0].model_dump()


def test_what_an_archive_does_not_say_is_an_error_and_no_score(
    server: EvaldServer, client: openai.OpenAI
) -> None:
    archive = new_archive()
    imported(server, *sparse(archive))

    (item,) = client.evals.runs.output_items.list(archive.run_id, eval_id=archive.eval_id)

    result = item.results[0]
    assert (item.status, result.passed, result.score) == ("error", False, 0.0)
    assert result.model_extra is not None
    assert result.model_extra["error"]["code"] == "no_result"
    assert (item.sample.output, item.sample.usage.total_tokens) == ([], 0)
