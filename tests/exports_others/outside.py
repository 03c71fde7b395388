"""An export, carried out by a Python process that has nothing of evald but what was exported."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.server import evald_environment

HERE = Path(__file__).parent


def written(files: Mapping[str, str], folder: Path) -> Path:
    """Write an export into a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def driven(
    driver: str, folder: Path, asks: object, environment: Mapping[str, str] | None = None
) -> Any:
    """Give what a driver of this folder answers for an export; it fails if evald itself is loaded."""
    ended = subprocess.run(
        [sys.executable, "-P", str(HERE / driver), str(folder)],
        input=json.dumps(asks),
        capture_output=True,
        text=True,
        env=evald_environment(environment or {}),
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
