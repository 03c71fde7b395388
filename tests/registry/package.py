"""The real package of openai/evals, which `sh scripts/registry.sh` fetches, and what it decides."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.server import CHECKOUT

FOLDER = CHECKOUT / ".registry"
Verdict = bool | str
"""What the package decides; the name of the error where it breaks."""


def wheel() -> Path:
    """Give the wheel. It is never skipped: a test without it fails, and says how to get it."""
    found = list(FOLDER.glob("evals-*.whl"))
    assert found, "The package of openai/evals is not here: run `sh scripts/registry.sh`."
    return found[0]


def verdicts(cases: Sequence[Any]) -> list[Verdict]:
    """Give what the package's own functions decide, in a process of their own.

    A case is the name of a class, an output, the ideals, and whether case is ignored.
    """
    decided: list[Verdict] = answers(cases)
    return decided


def answers(cases: Sequence[Any]) -> Any:
    """Give what the package's own functions give for cases of `package_verdicts`."""
    command = [sys.executable, "-m", "tests.registry.package_verdicts", str(wheel())]
    asked = json.dumps(list(cases))
    done = subprocess.run(
        command, cwd=CHECKOUT, input=asked, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)
