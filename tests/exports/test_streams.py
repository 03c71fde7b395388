"""Large exports, readers that are slow or leave, and runs that go on or are deleted meanwhile."""

from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.exports.awkward import Line, exported, lines_of, refused_or_not, table_of
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.making import (
    asked,
    create_eval,
    create_run,
    get_final,
    get_saved,
    given,
    items_of,
    path_of,
    rows,
    sampled,
)
from tests.server import EvaldServer, FreshServer
from tests.waiting import until

MANY = 10_000
TEXT = "A line of a text that is not short. " * 90
MIB = 2**20
LEFT = "export left by its reader"


@pytest.fixture(scope="module")
def large(server: EvaldServer) -> Line:
    """A run of 10,000 items, more than any buffer between two processes holds."""
    content = [
        {"item": {"number": n, "text": TEXT, "answer": "x"}, "sample": {"output_text": "x"}}
        for n in range(MANY)
    ]
    run: Line = get_final(server, create_run(server, create_eval(server), given(content)))
    assert run["result_counts"]["passed"] == MANY
    return run


def opened(server: EvaldServer, run: Line, query: str = "") -> tuple[HTTPConnection, Any]:
    """Ask for an export and read its beginning alone."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", f"{path_of(run)}/export?{query}")
    answer = connection.getresponse()
    assert answer.status == 200
    assert len(answer.read(1000)) == 1000
    return connection, answer


def test_every_item_of_a_large_run_comes_once_and_by_row(server: EvaldServer, large: Line) -> None:
    lines = lines_of(exported(server, large, columns="id,datasource_item_id,item.number"))
    table = table_of(exported(server, large, format="csv"))

    assert [line["datasource_item_id"] for line in lines] == list(range(MANY))
    assert [line["item.number"] for line in lines] == list(range(MANY))
    assert [line["id"] for line in table] == [line["id"] for line in lines]
    assert len({line["id"] for line in lines}) == MANY


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_reader_that_stops_keeps_nobody_waiting_and_one_that_leaves_ends_the_work(
    server: EvaldServer, large: Line, kind: str
) -> None:
    before = server.log().count(LEFT)
    connection, _ = opened(server, large, f"format={kind}&columns=item,sample,id,evald,results")

    assert asked(server, "DELETE", f"/v1/evals/{create_eval(server)}")["deleted"]
    assert server.log().count(LEFT) == before
    connection.close()

    until(lambda: server.log().count(LEFT) == before + 1)


def test_an_export_of_a_run_that_is_deleted_meanwhile_is_cut_and_not_ended(
    server: EvaldServer, large: Line
) -> None:
    content = [{"item": {"text": TEXT * 20}, "sample": {}} for _ in range(MANY // 20)]
    run = get_final(server, create_run(server, large["eval_id"], given(content)))
    connection, answer = opened(server, run)

    asked(server, "DELETE", path_of(run))

    with pytest.raises(IncompleteRead):
        answer.read()
    connection.close()
    until(lambda: "export cut" in server.log())


def test_memory_does_not_grow_with_the_run(server: EvaldServer, large: Line) -> None:
    for kind in ("jsonl", "csv", "parquet"):
        Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
        before = psutil.Process(server.process.pid).memory_info().rss

        size = len(exported(server, large, format=kind, columns="id,item,sample,results").body)

        status = Path(f"/proc/{server.process.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) * 1024
        assert kind == "parquet" or size > 30 * MIB
        assert peak - before < 200 * MIB


def test_an_export_of_a_run_that_goes_on_holds_what_is_saved(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script_rules(Rule([Step(hold="before")], contains="row 1"))
    run = create_run(server, create_eval(server), sampled(rows(20)))
    get_saved(server, run, 9)

    lines = lines_of(exported(server, run))
    table = table_of(exported(server, run, format="csv", status="pass"))

    saved = items_of(server, run, "limit=1000&order_by=datasource_item_id")
    assert lines == saved
    assert [line["datasource_item_id"] for line in lines] == [0, *range(2, 10)]
    passed = [item["id"] for item in saved if item["status"] == "pass"]
    assert [line["id"] for line in table] == passed
    models.release()
    get_final(server, run)
    assert len(lines_of(exported(server, run))) == 20


def test_a_server_without_pyarrow_says_how_to_install_it_and_looks_for_it_only_when_asked(
    tmp_path: Path,
) -> None:
    (tmp_path / "hidden").mkdir()
    looked = tmp_path / "looked"
    code = f"open({str(looked)!r}, 'w')\nraise ImportError('not here')\n"
    (tmp_path / "hidden" / "pyarrow.py").write_text(code)
    environment = {"PYTHONPATH": str(tmp_path / "hidden")}
    with FreshServer(tmp_path, environment=environment) as server:
        run = create_run(server, create_eval(server), given([{"item": {"n": 1}, "sample": {}}]))
        exported(server, run, format="csv")
        assert not looked.exists()
        answer = refused_or_not(server, run, format="parquet")

    error = answer.json["error"]
    assert (answer.status, error["code"]) == (400, "parquet_not_installed")
    assert "pip install 'pyarrow>=22'" in error["message"]
    assert looked.exists()
