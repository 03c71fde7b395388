"""A project at OpenAI comes out through faults and kills, goes into evald, and out and in once more."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import pytest

from tests.archive.api_server import ApiServer, Asked, Fault
from tests.archive.pulling import arguments, assert_holds, begun, ended, items_of
from tests.importing_archive.importing import begun as import_begun
from tests.importing_archive.importing import client_of, counts, imported
from tests.importing_archive.proxy import Instead, Proxy
from tests.importing_archive.test_round_trip import files_of
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.moving.openai_project import FILE_ID, ITEMS, LONG_RUN_ITEMS, RUNS, TICKETS, project
from tests.server import ENDED_WITHIN_S, EvaldServer, evald_ended
from tests.waiting import until

LONG_RUN: Final = f"evalrun_{TICKETS[-8:]}{0:024x}"
LONG_ITEMS: Final = f"evals/{TICKETS}/runs/{LONG_RUN}/output_items"
ALL_ITEMS: Final = 5_000
KILLED_AFTER: Final = 1_000
"""Items of the long run that are on disk when the pull is killed."""


class Faults:
    """What goes wrong with requests, each the first time that it can."""

    def __init__(self) -> None:
        self.left: set[str] = {"429", "504", "cut", "runs"}
        self.hangs = True

    def __call__(self, asked: Asked) -> Fault | None:
        """Refuse too many requests, large pages of the long run, and cut an answer in the middle."""
        limit = int(asked.query.get("limit", "20"))
        if asked.path == "evals" and self._first("429"):
            return 429
        if asked.path.endswith("/runs") and self._first("runs"):
            return 429
        if asked.path != LONG_ITEMS:
            return "cut" if asked.path.endswith("output_items") and self._first("cut") else None
        if limit > 25:
            self.left.discard("504")
            return 504
        position = asked.query.get("after", "")[-8:]
        return "hang" if self.hangs and position and int(position, 16) >= KILLED_AFTER else None

    def _first(self, name: str) -> bool:
        is_first = name in self.left
        self.left.discard(name)
        return is_first


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[EvaldServer, EvaldServer, ModelServer]]:
    """Give two empty servers before one model server, which serves what gpt-4o is an alias of."""
    config = '[aliases]\n"gpt-4o" = "scripted"\n"o4-mini" = "scripted"\n'
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    with (
        ModelServer() as models,
        EvaldServer(folders[0], upstream=models.url, config=config) as one,
        EvaldServer(folders[1], upstream=models.url) as other,
    ):
        yield one, other, models


def test_a_project_lives_on_in_evald_whatever_went_wrong_on_the_way(
    servers: tuple[EvaldServer, EvaldServer, ModelServer], tmp_path: Path
) -> None:
    one, other, models = servers
    archive = tmp_path / "archive"
    with ApiServer(project()) as api:
        pulled_through_faults(api, archive)
        assert_holds(archive, api)
        given = {path: objects_of(lines) for path, lines in api.content.lists.items()}

    dry = imported(one.url, archive, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert client_of(one).evals.list().data == []
    imported_through_a_kill(one, archive)

    assert_lives_on(one, given)
    once_more = imported(one.url, archive)
    assert once_more.returncode == 0
    assert {each["imported"] for each in counts(once_more).values()} == {0}
    assert_runs_again_at_once(one, models)
    assert_goes_round(one, other, tmp_path)


def pulled_through_faults(api: ApiServer, archive: Path) -> None:
    api.fault = faults = Faults()
    process = begun(api, archive, "--tries", "4")
    part = archive / "evals" / TICKETS / "runs" / LONG_RUN / "output_items.jsonl.part"
    until(lambda: part.exists() and part.read_bytes().count(b"\n") > KILLED_AFTER)
    process.send_signal(signal.SIGKILL)
    ended(process)
    faults.hangs = False

    again = evald_ended(*arguments(api.base_url, archive, "--tries", "4"), environment=KEYS)

    assert again.returncode == 0, again.stdout + again.stderr
    assert faults.left == set()
    assert len(items_of(archive, TICKETS, LONG_RUN)) == LONG_RUN_ITEMS + ITEMS


def imported_through_a_kill(server: EvaldServer, archive: Path) -> None:
    with Proxy(server.port, lambda post: Instead("hold") if post >= 20 else None) as proxy:
        process = import_begun(proxy.url, archive)
        proxy.wait_for(20)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=ENDED_WITHIN_S)

    again = imported(server.url, archive)

    assert again.returncode == 0, again.stderr
    found = counts(again)
    assert found["output items"]["there already"] > 0
    assert sum(found["output items"].values()) == ALL_ITEMS
    assert sum(found["runs"].values()) == sum(RUNS.values())


def assert_lives_on(server: EvaldServer, given: dict[str, list[dict[str, Any]]]) -> None:
    """Compare every object that the API of OpenAI gave with what that of evald gives."""
    compared = 0
    for path, wanted in given.items():
        for found, each in zip(all_of(server, path, len(wanted)), wanted, strict=True):
            if each.get("status") == "in_progress":
                assert found.pop("status") == "canceled"
                assert found["evald"]["imported"]["status"] == each.pop("status")
            assert said_of(each, found) == each
            compared += 1
            if each["object"] == "eval.run":
                assert found["report_url"].startswith(server.url)
    assert compared == len(RUNS) + sum(RUNS.values()) + ALL_ITEMS + 1


def said_of(given: Any, found: Any) -> Any:
    """Give what evald says of everything that was given; it may say more."""
    if isinstance(given, dict) and isinstance(found, dict):
        kept = {name: said_of(value, found.get(name)) for name, value in given.items()}
        return {**kept, "report_url": given["report_url"]} if "report_url" in given else kept
    if isinstance(given, list) and isinstance(found, list) and len(given) == len(found):
        return [said_of(*pair) for pair in zip(given, found, strict=True)]
    return found


def all_of(server: EvaldServer, path: str, number: int) -> list[dict[str, Any]]:
    """Give a list of evald's API, read to its end."""
    found: list[dict[str, Any]] = []
    after = ""
    while len(found) < number:
        page = server.ask("GET", f"/v1/{path}?limit=100&order=asc{after}").json
        found += page["data"]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    return found


def assert_runs_again_at_once(server: EvaldServer, models: ModelServer) -> None:
    models.script(Step(text="Hardware"))
    client = client_of(server)
    of_history = client.evals.runs.retrieve(LONG_RUN, eval_id=TICKETS)
    run = client.evals.runs.create(
        TICKETS, name="again", data_source=cast("Any", of_history.data_source.to_dict(mode="json"))
    )
    until(lambda: client.evals.runs.retrieve(run.id, eval_id=TICKETS).status == "completed")

    again = client.evals.runs.retrieve(run.id, eval_id=TICKETS)
    assert (again.result_counts.total, again.result_counts.passed) == (ITEMS, ITEMS // 3)
    assert again.model == "gpt-4o"
    client.evals.runs.delete(run.id, eval_id=TICKETS)


def assert_goes_round(one: EvaldServer, other: EvaldServer, folder: Path) -> None:
    """Export, import into an empty evald, export: the same but for what the docs list."""
    exported(one, folder / "first")
    found = imported(other.url, folder / "first")
    assert found.returncode == 0, found.stderr
    exported(other, folder / "second")

    first, second = (files_of(folder / name) for name in ("first", "second"))
    assert first.keys() == second.keys()
    assert sum(name.endswith("/run.json") for name in first) == sum(RUNS.values())
    assert f"files/{FILE_ID}/content" in first
    for name, what in first.items():
        assert second[name] == what, name


def exported(server: EvaldServer, folder: Path) -> None:
    end = evald_ended("export", "eval", "--all", "--url", server.url, "--out", str(folder))
    assert end.returncode == 0, end.stdout + end.stderr


def objects_of(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


KEYS: Final = {"OPENAI_API_KEY": "sk-a-key-that-nobody-may-see"}
