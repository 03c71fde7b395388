"""Attempts to get out of a sandbox: each meets a wall inside, and outside nothing has happened."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import evald
from evald.sandbox.backend import machine
from evald.sandbox.syscalls import by_number, row_calls
from tests.escapes.conftest import PACKAGES
from tests.escapes.inside import files, kernel, leftovers, network
from tests.escapes.place import Place, printed, results, source_of
from tests.ordinary_user import as_ordinary_user, ordinary_folder
from tests.server import CHECKOUT

THEMES = {"files": files, "kernel": kernel, "network": network}
OWN = [
    CHECKOUT / "pyproject.toml",
    CHECKOUT / "tests",
    Path(evald.__file__),
    Path(sys.executable).parent,
]


def told(place: Place) -> dict[str, Any]:
    """What an attempt is told: where everything is."""
    run = place.kept.other_run
    data = place.server.data_dir
    return place.outside.row | {
        "hidden": [str(data), str(data / "evald.db"), str(data.parent / "evald.toml")],
        "own": [str(path) for path in OWN[:-1]],
        "packages": [str(path) for path in PACKAGES],
        "server": place.server.process.pid,
        "url": place.server.url,
        "server_port": place.server.port,
        "other_run": f"/v1/evals/{run['eval_id']}/runs/{run['id']}/cancel",
        "variables": ["KEY_OF_A_PROVIDER", "EVALD_CONFIG", "VIRTUAL_ENV", "USER", "LOGNAME"],
        "allowed": sorted(by_number(row_calls(scratch=True), machine())),
    }


@pytest.mark.parametrize("theme", THEMES)
def test_no_attempt_gets_out_of_the_sandbox(place: Place, theme: str) -> None:
    module: ModuleType = THEMES[theme]
    names = list(trying_of(module))
    items = place.run(source_of(module), [told(place) | {"attempt": name} for name in names])

    found = {
        name: (result, printed(item))
        for name, result, item in zip(names, results(items), items, strict=True)
    }
    assert {name: each for name, each in found.items() if each[0] != 0.0} == {}
    place.check()


def trying_of(module: ModuleType) -> dict[str, Any]:
    """Give the attempts of a file; all files enter theirs in the same list."""
    return {
        name: each
        for name, each in module.ATTEMPTS.items()
        if getattr(each, "func", each).__module__ == module.__name__
    }


WITHOUT_HARM = {
    "files": ("reading /etc/passwd", "reading /proc/self/environ", "files_of_others",
              "files_through_a_symbolic_link", "variables_of_the_server"),
    "kernel": ("a_program", "a_fork", "calling socket", "calling memfd_create", "an_event_loop",
               "locks_on_files", "system_calls_of_machine_code"),
    "network": ("a socket of AF_INET", "the_listener_outside", "the_listener_with_a_path",
                "the_listener_with_an_abstract_name", "the_interface_of_evald", "a_pair_of_sockets"),
}  # fmt: skip
DRIVER = """
import json
for row in json.loads(sys.argv[1]):
    print("score", grade({}, row))
"""


@pytest.mark.parametrize("theme", WITHOUT_HARM)
def test_without_a_sandbox_the_same_attempts_get_through(place: Place, theme: str) -> None:
    rows = [told(place) | {"attempt": name} for name in WITHOUT_HARM[theme]]

    with ordinary_folder() as folder:
        ended = subprocess.run(
            as_ordinary_user([sys.executable, "-", json.dumps(rows)]),
            input=source_of(THEMES[theme]) + "\nimport sys" + DRIVER,
            env={"TMPDIR": str(folder), "KEY_OF_A_PROVIDER": "of the test"},
            capture_output=True,
            text=True,
            check=True,
        )

    scores = [line for line in ended.stdout.splitlines() if line.startswith("score")]
    assert dict(zip(WITHOUT_HARM[theme], scores, strict=True)) == dict.fromkeys(
        WITHOUT_HARM[theme], "score 1.0"
    )
    place.outside.heard()  # this time it had to be


def test_there_are_more_than_three_hundred_attempts() -> None:
    assert sum(len(trying_of(each)) for each in (*THEMES.values(), leftovers)) > 300
