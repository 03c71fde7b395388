"""Runs whose rows are graded by a user's program: what it gave, what it printed, and how it is ended."""

import json
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.api.refusals import check_refusal
from tests.isolation import needs_isolation
from tests.runs.canceling import cancel, check_kept
from tests.runs.invariants import check
from tests.runs.making import (
    EXACT,
    asked,
    create_eval,
    create_run,
    get_final,
    get_saved,
    given,
    items_of,
)
from tests.runs.test_tried_graders import raised, sent, tried
from tests.server import CHECKOUT, EvaldServer
from tests.waiting import until

DOES = """
import math, os, sys

def grade(sample, item):
    print("row", item["does"][:20])
    return eval(item["does"])
"""


@pytest.fixture(autouse=True, scope="module")
def isolated() -> None:
    needs_isolation()


def program(source: str, **also: Any) -> Any:
    return {"type": "python", "name": "program", "source": source, **also}


def doing(*expressions: str) -> Any:
    """Give rows of which each has the program evaluate something."""
    return [{"item": {"does": each}, "sample": {"output_text": "[1]"}} for each in expressions]


SCORES = {
    "0.5": ("pass", 0.5),
    "0.49": ("fail", 0.49),
    "-2.5": ("fail", -2.5),
    "True": ("pass", 1.0),
    "7": ("pass", 7.0),
    "sample['output_json'][0]": ("pass", 1.0),
    "len(sample['output_tools']) + len(sample['choices'])": ("pass", 1.0),
    "len(item)": ("pass", 1.0),
}
FAILURES = {
    "1 / 0": ("python_exception", "ZeroDivisionError: division by zero"),
    "sys.exit(3)": ("python_exception", "SystemExit: 3"),
    "math.nan": ("python_result", "grade returned nan"),
    "math.inf": ("python_result", "grade returned inf"),
    "None": ("python_result", "grade returned None"),
    "'1.0'": ("python_result", "a value of the type str"),
    "10 ** 400": ("python_result", "grade returned inf"),
    "os._exit(0)": ("python_died", "ended with status 0 before grade returned"),
}


def test_each_row_has_the_score_or_the_error_of_its_own_program(server: EvaldServer) -> None:
    eval_id = create_eval(server, program(DOES))
    run = create_run(server, eval_id, given(doing(*SCORES, *FAILURES)))

    assert get_final(server, run)["status"] == "completed"

    _, items = check(server, eval_id, run["id"])
    found = {item["datasource_item"]["does"]: item for item in items}
    for does, (status, score) in SCORES.items():
        (result,) = found[does]["results"]
        assert (found[does]["status"], result["score"], "error" in result) == (status, score, False)
    for does, (code, says) in FAILURES.items():
        (result,) = found[does]["results"]
        assert (found[does]["status"], result["score"]) == ("error", 0)
        assert result["error"]["code"] == code, does
        assert says in result["error"]["message"], does
        assert result["sample"]["error"] == result["error"]
    for does, item in found.items():
        if "exit" not in does:
            printed = {"role": "stdout", "content": f"row {does[:20]}\n"}
            assert item["results"][0]["sample"]["output"] == [printed]
    broke = found["1 / 0"]["results"][0]["sample"]["traceback"]
    assert "return eval(item" in broke
    assert "ZeroDivisionError" in broke


def test_a_program_that_gave_a_score_and_printed_nothing_leaves_nothing(
    server: EvaldServer,
) -> None:
    quiet = program("def grade(sample, item): return 1.0")
    formula = {
        "type": "multi",
        "name": "half",
        "graders": {"quiet": quiet, "loud": program(DOES)},
        "calculate_output": "(quiet + loud) / 4",
        "pass_threshold": 0.75,
    }
    run = create_run(server, create_eval(server, quiet, formula), given(doing("1", "2", "1 / 0")))

    get_final(server, run)

    items = sorted(items_of(server, run), key=lambda item: int(item["datasource_item_id"]))
    quiet_ones, halves = zip(*(item["results"] for item in items), strict=True)
    assert [each["sample"] for each in quiet_ones] == [None, None, None]
    assert [each["score"] for each in halves] == [0.5, 0.75, 0]
    assert [each["passed"] for each in halves] == [False, True, False]
    assert halves[2]["error"]["code"] == "part_failed"
    assert halves[2]["sub_results"]["loud"]["error"]["code"] == "python_exception"
    assert halves[1]["sub_results"]["loud"]["sample"]["output"][0]["content"] == "row 2\n"


def processes(server: EvaldServer) -> set[psutil.Process]:
    """Give all processes that the server began, and that those began."""
    return set(psutil.Process(server.process.pid).children(recursive=True))


def live(found: set[psutil.Process]) -> set[psutil.Process]:
    """Give those that can still run, and are not on their way out of the kernel (PF_EXITING)."""
    return {each for each in found if each.is_running() and not _is_exiting(each)}


def _is_exiting(process: psutil.Process) -> bool:
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    state, *numbers = stat.rpartition(")")[2].split()
    return state in "ZX" or bool(int(numbers[5]) & 4)


NO_PROGRAMS = {"PATH": "/nowhere"}
"""The environment of a server that finds no bubblewrap."""
WITHOUT_LANDLOCK = (sys.executable, str(CHECKOUT / "tests" / "without_landlock.py"))
EVAL = {"data_source_config": {"type": "custom", "item_schema": {"type": "object"}}}
HANGS = "[0 for _ in iter(int, 1)]"


def test_when_a_cancel_is_answered_no_program_of_the_run_is_left(server: EvaldServer) -> None:
    eval_id = create_eval(server, program(DOES))
    before = processes(server)
    run = create_run(server, eval_id, given(doing("1", *[HANGS] * 40)))
    get_saved(server, run, 1)
    begun = processes(server) - before
    assert live(begun)

    answer = cancel(server, run)

    assert live(begun | processes(server) - before) == set()
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert len(check_kept(server, run, answer)) == 1


def test_a_run_that_has_ended_leaves_no_process(server: EvaldServer) -> None:
    eval_id = create_eval(server, program(DOES))
    before = processes(server)
    run = create_run(server, eval_id, given(doing(*["1"] * 100)))

    assert get_final(server, run)["result_counts"]["passed"] == 100

    assert live(processes(server) - before) == set()


def test_a_program_that_never_ends_holds_up_no_other_run(server: EvaldServer) -> None:
    eval_id = create_eval(server, program(DOES))
    endless = create_run(server, eval_id, given(doing("1", *[HANGS] * 100)))
    get_saved(server, endless, 1)

    other = create_run(server, eval_id, given(doing(*["1"] * 40)))

    assert get_final(server, other)["result_counts"]["passed"] == 40
    assert cancel(server, endless).json["result_counts"]["total"] == 1


def test_a_client_that_leaves_ends_the_program_that_it_tried(server: EvaldServer) -> None:
    grader = program("def grade(sample, item):\n    while True: pass")
    tried(server, program(DOES), does="1")  # what is begun once is begun
    before = processes(server)

    with sent(server, grader):
        begun = until(lambda: processes(server) - before)

    until(lambda: not live(begun))


TRIED: dict[str, tuple[set[str], Any, str | None]] = {
    "1.5": (set(), 1.5, None),
    "1 / 0": ({"python_grader_runtime_error"}, 0, "ZeroDivisionError: division by zero"),
    "math.nan": ({"python_grader_runtime_error"}, 0, "nan"),
    "os._exit(0)": ({"python_grader_runtime_error"}, 0, ""),
}


@pytest.mark.parametrize("does", TRIED)
def test_a_program_that_is_tried_has_its_flags_and_what_it_printed(
    server: EvaldServer, does: str
) -> None:
    flags, reward, details = TRIED[does]

    answer = tried(server, program(DOES), "text", does=does)

    assert (raised(answer), answer["reward"]) == (flags, reward)
    errors = answer["metadata"]["errors"]
    assert errors["python_grader_server_error_type"] is None
    told = errors["python_grader_runtime_error_details"]
    assert told is None if details is None else details in told
    if "exit" not in does:
        assert answer["evald"]["sample"]["output"][0]["content"] == f"row {does}\n"


def test_a_program_sees_the_sample_that_it_is_tried_on(server: EvaldServer) -> None:
    source = (
        "import json\ndef grade(sample, item):\n    print(json.dumps([sample, item]))\n    return 1"
    )

    answer = tried(server, program(source), '{"a": 1}', b=2)

    sample, item = json.loads(answer["evald"]["sample"]["output"][0]["content"])
    message = {"role": "assistant", "content": '{"a": 1}'}
    assert item == {"b": 2}
    assert sample == {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "output_text": '{"a": 1}',
        "output_json": {"a": 1},
        "output_tools": [],
    }


def test_where_nothing_isolates_programs_they_are_refused_and_kept_evals_stay_readable(
    tmp_path: Path,
) -> None:
    quiet = program("def grade(sample, item): return 1.0")
    formula = {
        "type": "multi",
        "name": "half",
        "graders": {"a": EXACT, "quiet": quiet},
        "calculate_output": "quiet",
    }
    with EvaldServer(tmp_path) as isolating:
        eval_id = create_eval(isolating, formula)
        endless = create_run(isolating, create_eval(isolating, program(DOES)), given(doing(HANGS)))
        isolating.kill()
    with EvaldServer(tmp_path, environment=NO_PROGRAMS, under=WITHOUT_LANDLOCK) as bare:
        refused = {
            "testing_criteria[1].type": ("/v1/evals", {**EVAL, "testing_criteria": [EXACT, quiet]}),
            "testing_criteria[0].graders.quiet.type": (
                f"/v1/evals/{eval_id}/runs",
                {"data_source": given(doing("1"))},
            ),
            "grader.type": ("/v1/graders/validate", {"grader": quiet}),
            "grader.graders.quiet.type": (
                "/v1/graders/run",
                {"grader": formula, "model_sample": "a"},
            ),
        }
        for param, (path, body) in refused.items():
            answer = bare.ask("POST", path, body)
            check_refusal(answer, param=param, code="python_unavailable", says="bubblewrap")
        kept = asked(bare, "GET", f"/v1/evals/{eval_id}")
        assert kept["testing_criteria"][0]["graders"]["quiet"] == quiet
        assert get_final(bare, endless)["result_counts"]["errored"] == 1
        (item,) = items_of(bare, endless)
        assert item["results"][0]["error"]["code"] == "python_unavailable"
        assert get_final(bare, create_run(bare, create_eval(bare, EXACT), given(doing("1"))))
