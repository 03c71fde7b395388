"""Properties have no deadline: the machines that run them are shared."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows New York's time."""
    with monkeypatch.context() as place:
        place.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()
