"""The small WordNet as evald opens it, and as nltk does."""

from pathlib import Path

import pytest

from evald.graders.metrics.wordnet import WordNet, opened
from tests.graders.metrics.libraries import OneVersionReader, library_wordnet


@pytest.fixture(scope="session")
def small_wordnet(small_wordnet_folder: Path) -> WordNet:
    return opened(small_wordnet_folder)


@pytest.fixture(scope="session")
def small_reader(small_wordnet_folder: Path) -> OneVersionReader:
    return library_wordnet(small_wordnet_folder)
