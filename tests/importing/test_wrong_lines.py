"""Lines that are no sound object: each is named with its reason, and the others go in."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.importing.making import (
    PATH,
    Archive,
    Object,
    all_of,
    fates,
    imported,
    jsonl,
    new_archive,
    sent,
)
from tests.server import EvaldServer

ODD: list[Any] = [None, True, -1, 1.5, 2**63, 1e300, "", "x", "\x00", [], [[]], [1], {}, {"a": 1}]
"""Values of which each is of the wrong type nearly everywhere."""


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of each value in an object, but for what is inside rows and schemas."""
    if path:
        yield path
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in inner:
        yield from paths_in(each, (*path, key))


def changed(found: Object, path: tuple[Any, ...], value: Any) -> Object:
    """Give a copy of an object with another value at a path."""
    copy: Any = json.loads(json.dumps(found))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    made: Object = copy
    return made


def all_answered(server: EvaldServer, archive: Archive) -> None:
    """Ask for all that can be asked of an archive, whatever became of it."""
    for path in (
        f"/v1/evals/{archive.eval_id}",
        archive.runs_path,
        archive.run_path,
        f"{archive.run_path}/output_items",
        f"/evaluations/{archive.eval_id}",
        f"/evaluations/{archive.eval_id}?run_id={archive.run_id}",
        f"/evaluations/{archive.eval_id}?run_id={archive.run_id}&item={archive.item_id(0)}",
    ):
        for strict in ("true", "false"):
            answer = server.ask("GET", path, headers={"evald-schema-strict": strict})
            assert answer.status in (200, 404), (path, answer.body)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["eval", "run", "output item"])
def test_a_wrong_type_at_any_place_breaks_nothing(server: EvaldServer, place: int) -> None:
    sound = new_archive().whole[place]
    lines, archives = [], []
    for path in paths_in(sound):
        for value in ODD:
            archive = new_archive()
            parents = archive.whole[:place]
            lines += [*parents, changed(archive.whole[place], path, value)]
            archives.append(archive)

    answer = sent(server, *lines)

    assert answer.status == 200, answer.body
    outcome = answer.json
    count = sum(sum(fate) for fate in fates(outcome).values())
    assert count + outcome["failed"] == len(lines)
    assert count > len(archives) * place
    assert outcome["failed"] > len(archives) // 4
    assert all(error["message"] and error["code"] for error in outcome["errors"])
    for archive in archives[::29]:
        all_answered(server, archive)


def test_a_list_of_all_that_came_in_with_odd_values_is_answered(server: EvaldServer) -> None:
    after = ""
    while True:
        page = server.ask("GET", f"/v1/evals?limit=1000{after}")
        assert page.status == 200
        if not page.json["has_more"]:
            break
        after = f"&after={page.json['last_id']}"
    assert server.ask("GET", "/").status == 200


NOT_A_TEXT = "Invalid type for 'sample.input': expected an array, not a string."
WRONG: dict[str, tuple[Any, str, str]] = {
    "no JSON": (b"{", "invalid_json", "not valid JSON"),
    "no UTF-8": (b'{"object": "\xff"}', "invalid_json", "not valid JSON"),
    "a lone surrogate": (b'{"object": "\\ud800"}', "invalid_json", "not valid JSON"),
    "a number that is none": (b'{"object": NaN}', "invalid_json", "not valid JSON"),
    "too many digits": (b'{"object": 123456789012345678901234567890}', "invalid_json", "64 bits"),
    "too deep to be read": (b"[" * 5000 + b"]" * 5000, "invalid_json", "not valid JSON"),
    "no object": ([], "invalid_type", "must hold an object, not an array"),
    "an unknown object": ({"object": "list", "data": []}, "invalid_value", "'object' must be"),
    "an object without a kind": ({}, "invalid_value", "'object' must be"),
    "an id that climbs": (Archive(0).eval(id="../x"), "invalid_value", "'id'"),
    "an id of dots": (Archive(0).eval(id=".."), "invalid_value", "'id'"),
    "an id of a route": (Archive(0).eval(id="import"), "invalid_value", "'id'"),
    "an id with a NUL": (Archive(0).eval(id="a\x00"), "invalid_value", "'id'"),
    "an id that is too long": (Archive(0).eval(id="e" * 201), "invalid_value", "'id'"),
    "no id": (Archive(0).eval(id=None), "invalid_type", "'id'"),
    "a time beyond all calendars": (
        Archive(0).eval(created_at=10**15),
        "invalid_value",
        "'created_at'",
    ),
    "too many criteria": (
        Archive(0).eval(testing_criteria=[{}] * 1_000_000),
        "invalid_value",
        "at most 100 elements, not 1,000,000",
    ),
    "metadata that is none": (Archive(0).eval(metadata={"a": 1}), "invalid_type", "'metadata.a'"),
    "an unknown status": (Archive(0).run(status="done"), "invalid_value", "'status'"),
    "counts below zero": (
        Archive(0).run(result_counts={"total": 1, "passed": -1, "failed": 2, "errored": 0}),
        "invalid_value",
        "'result_counts.passed'",
    ),
    "a sample that is a text": (
        Archive(0).item(0, sample={"input": "hi"}),
        "invalid_type",
        NOT_A_TEXT,
    ),
    "a result without a name": (
        Archive(0).item(0, results=[{"passed": True, "score": 1}]),
        "missing_required_parameter",
        "'results[0].name'",
    ),
    "a score that is a text": (
        Archive(0).item(0, results=[{"name": "a", "passed": True, "score": "1"}]),
        "invalid_type",
        "'results[0].score'",
    ),
}


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = {"a": value}
    return value


WRONG |= {
    f"{name} too deep to be written": (made, "invalid_json", "254 levels")
    for name, made in {
        "a row": Archive(0).item(0, datasource_item=deep(300)),
        "a data source": Archive(0).run(data_source=deep(300)),
        "an unknown key": Archive(0).eval(odd=deep(300)),
    }.items()
}


def test_each_wrong_line_is_named_with_its_reason(server: EvaldServer) -> None:
    archive = new_archive()
    lines = [each for each, _, _ in WRONG.values()]

    outcome = imported(server, *lines, b"", *archive.whole)

    assert fates(outcome) == all_of(1, 1, 2)
    assert (outcome["failed"], len(outcome["errors"])) == (len(WRONG), len(WRONG))
    for error, (name, (_, code, message)) in zip(outcome["errors"], WRONG.items(), strict=True):
        assert (error["code"], message in error["message"]) == (code, True), (name, error)
    assert [error["line"] for error in outcome["errors"]] == list(range(1, len(WRONG) + 1))


def test_what_is_nearly_too_deep_is_kept_or_refused_by_itself(server: EvaldServer) -> None:
    archives, lines = [], []
    for levels in range(240, 260):
        archive = new_archive()
        archives.append(archive)
        criterion = {"type": "odd", "odd": deep(levels - 3)}
        lines += [
            archive.eval(odd=deep(levels), testing_criteria=[criterion]),
            archive.run(odd=deep(levels), data_source=deep(levels)),
            archive.item(0, odd=deep(levels), datasource_item=deep(levels)),
        ]

    outcome = imported(server, *lines)

    assert sum(sum(fate) for fate in fates(outcome).values()) + outcome["failed"] == len(lines)
    assert outcome["output_items"]["imported"] > 5
    for archive in archives:
        all_answered(server, archive)


def test_what_is_told_of_a_line_is_short(server: EvaldServer) -> None:
    archive, long = new_archive(), "k" * 2_000_000
    wrong = archive.run(metadata={long: 1})
    odd = archive.eval(testing_criteria=[{"type": "multi", "name": "a", "graders": {long: {}}}])

    answer = sent(server, odd, wrong)

    assert (answer.json["failed"], len(answer.json["notes"])) == (1, 1)
    assert len(answer.body) < 5_000


def test_of_many_wrong_lines_a_hundred_are_named_and_all_counted(server: EvaldServer) -> None:
    outcome = imported(server, *[b"{"] * 500)

    assert (outcome["failed"], len(outcome["errors"])) == (500, 100)


def test_keys_that_come_twice_count_as_the_last_one(server: EvaldServer) -> None:
    archive = new_archive()
    line = jsonl(archive.eval()).replace(b'"name": "Sums"', b'"name": "a", "name": "b"', 1).strip()

    imported(server, line)

    assert server.ask("GET", f"/v1/evals/{archive.eval_id}").json["name"] == "b"


def test_a_line_that_is_far_too_long_is_left_out_and_never_held(server: EvaldServer) -> None:
    archive = new_archive()
    good, block, blocks = jsonl(archive.eval()), b"x" * 2**20, 200
    before = largest_memory(server)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)

    def body() -> Iterator[bytes]:
        yield b'{"object": "'
        yield from (block for _ in range(blocks))
        yield b'"}\n' + good

    connection.request("POST", PATH, body(), encode_chunked=True)
    answer = connection.getresponse()
    outcome = json.loads(answer.read())
    connection.close()

    assert [(each["line"], each["code"]) for each in outcome["errors"]] == [(1, "line_too_long")]
    assert outcome["evals"]["imported"] == 1
    assert largest_memory(server) - before < 100 * 2**20


def largest_memory(server: EvaldServer) -> int:
    """Give the most bytes that the server has held so far."""
    with open(f"/proc/{server.process.pid}/status") as status:
        (line,) = [each for each in status if each.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_a_number_of_a_run_that_is_larger_than_a_column_is_refused(server: EvaldServer) -> None:
    archive = new_archive()
    counts = {"total": 2**31, "passed": 2**31, "failed": 0, "errored": 0}

    outcome = imported(server, archive.eval(), archive.run(result_counts=counts))

    assert [each["code"] for each in outcome["errors"]] == ["invalid_value"]
