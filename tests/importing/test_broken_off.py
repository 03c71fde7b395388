"""An import that is broken off in the middle and sent again ends in the same state."""

from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.importing.making import PATH, Archive, fates, imported, jsonl, new_archive
from tests.server import EvaldServer
from tests.waiting import until

ITEMS = 1500


def all_items(server: EvaldServer, archive: Archive) -> list[Any]:
    found: list[Any] = []
    after = ""
    while True:
        page = server.ask("GET", f"{archive.run_path}/output_items?limit=1000{after}").json
        found += page["data"]
        if not page["has_more"]:
            return found
        after = f"&after={page['last_id']}"


def first_part_sent(server: EvaldServer, body: bytes) -> HTTPConnection:
    """Begin a request of which the second half never comes."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", PATH)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body[: len(body) // 2])
    return connection


def some_items(server: EvaldServer, archive: Archive) -> bool:
    answer = server.ask("GET", f"{archive.run_path}/output_items?limit=1")
    return answer.status == 200 and bool(answer.json["data"])


def test_a_killed_server_and_a_client_that_leaves_lose_nothing_and_double_nothing(
    tmp_path: Path,
) -> None:
    archive = new_archive()
    lines = [archive.eval(), archive.run(), *(archive.item(row) for row in range(ITEMS))]
    body = jsonl(*lines)
    with EvaldServer(tmp_path) as server:
        connection = first_part_sent(server, body)
        until(lambda: some_items(server, archive))
        server.kill()
        connection.close()
        server.restart()
        left = all_items(server, archive)
        assert 0 < len(left) < ITEMS
        assert len(left) % 2 == 0
        first_part_sent(server, body).close()

        outcome = imported(server, *lines)

        items = fates(outcome)["output_items"]
        assert (outcome["failed"], sum(items), items[2:]) == (0, ITEMS, (0, 0))
        assert fates(outcome)["runs"] == (0, 1, 0, 0)
        found = all_items(server, archive)
        assert [each["id"] for each in found] == [archive.item_id(row) for row in range(ITEMS)]
        run = server.ask("GET", archive.run_path).json
        assert (run["status"], run["evald"]["imported"]["status"]) == ("completed", "completed")
        assert "Traceback" not in server.log()
