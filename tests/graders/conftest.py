"""Properties have no deadline: the machines that run them are shared. A small WordNet for meteor."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.graders.metrics.small_wordnet import write_small_wordnet

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def small_wordnet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_wordnet(tmp_path_factory.mktemp("nltk_data") / "corpora" / "wordnet")


@pytest.fixture
def installed(small_wordnet_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small WordNet is the one that is installed on the machine."""
    monkeypatch.setenv("NLTK_DATA", str(small_wordnet_folder.parents[1]))
