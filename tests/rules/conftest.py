"""A machine of another place, for rules that must not depend on it."""

import time
from collections.abc import Iterator

import pytest


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows New York's time."""
    with monkeypatch.context() as place:
        place.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()
