"""Attempts to get out of a sandbox: each meets a wall inside, and outside nothing has happened."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import evald
from evald.sandbox.backend import machine
from evald.sandbox.syscalls import by_number, row_calls
from tests.escapes.conftest import PACKAGES
from tests.escapes.inside import files, kernel, network
from tests.escapes.place import Place, printed, results, source_of
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
