"""Imports as a user starts them, and what the official SDK reads afterwards."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from openai import OpenAI

from tests.importing_archive.history import History, Object
from tests.server import CHECKOUT, EvaldServer, evald_ended, evald_environment

NOTHING_NEW = "All of it was there already: nothing is new."


def imported(
    url: str, path: Path, *more: str, key: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {} if key is None else {"EVALD_API_KEY": key}
    return evald_ended("import", "--url", url, str(path), *more, environment=environment)


def begun(url: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "evald", "import", "--url", url, str(path)],
        cwd=CHECKOUT,
        env=evald_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def counts(process: subprocess.CompletedProcess[str]) -> dict[str, dict[str, int]]:
    """Give the table that an import shows at its end."""
    names = ("imported", "there already", "replaced", "different", "failed")
    rows = process.stdout.splitlines()
    head = next(number for number, row in enumerate(rows) if "there already" in row)
    shown = [name for name in names if name in rows[head]]
    found = {}
    for row in rows[head + 1 :]:
        (*name,) = row.replace(",", "").rsplit(maxsplit=len(shown))
        if len(name) != len(shown) + 1 or not name[1].isdecimal():
            break
        found[name[0]] = {key: int(value) for key, value in zip(shown, name[1:], strict=True)}
    return found


def client_of(server: EvaldServer) -> OpenAI:
    """Give a client, to be closed: one that is left to the collector may leave its socket open."""
    return OpenAI(base_url=server.base_url, api_key="not needed", max_retries=0)


def read_back(server: EvaldServer, eval_id: str) -> History:
    """Give what the official SDK finds of an eval, as it was sent."""
    with client_of(server) as client:
        found = client.evals.retrieve(eval_id)
        runs = list(client.evals.runs.list(eval_id, limit=100))
        items = [
            each
            for run in runs
            for each in client.evals.runs.output_items.list(run.id, eval_id=eval_id, limit=100)
        ]
    return History(
        found.to_dict(mode="json", warnings=False),
        [each.to_dict(mode="json", warnings=False) for each in runs],
        [each.to_dict(mode="json", warnings=False) for each in items],
    )


def assert_kept(found: History, given: History) -> None:
    """See that everything that was given is there and says the same."""
    assert_same([found.eval], [given.eval])
    assert_same(found.runs, given.runs)
    assert_same(found.items, given.items)


def assert_same(found: Iterable[Object], given: Iterable[Object]) -> None:
    known = {each["id"]: each for each in found}
    wanted = {each["id"]: each for each in given}
    assert known.keys() == wanted.keys()
    for name, each in wanted.items():
        told = _plain({key: value for key, value in each.items() if key != "report_url"})
        assert isinstance(told, dict)
        assert _plain({key: known[name].get(key) for key in each if key != "report_url"}) == told


def _plain(value: object) -> object:
    """Give a value in the names of the API and without nulls, which say nothing.

    Also without what evald adds: the second spelling of one limit, and `errored` of criteria.
    """
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    added = {"max_completion_tokens", "evald"}
    if "testing_criteria" in value:
        added.add("errored")
    named = {"schema_": "schema", "run_model_name": "model_name"}
    return {
        named.get(key, key): _plain(inner)
        for key, inner in value.items()
        if inner is not None and key not in added
    }
