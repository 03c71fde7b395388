"""An environment without settings, and config files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ConfigFile = Callable[[str], Path]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("EVALD_"):
            monkeypatch.delenv(name)


@pytest.fixture
def config_file(tmp_path: Path) -> ConfigFile:
    def written(text: str) -> Path:
        path = tmp_path / "evald.toml"
        path.write_text(text, "utf-8")
        return path

    return written
