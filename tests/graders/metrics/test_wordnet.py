"""WordNet: the synonyms that nltk finds, where it is looked for, and what is said when it is missing."""

import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.errors import GraderFailed
from evald.graders.metrics.wordnet import WordNet, found_wordnet, opened, wordnet_places
from tests.graders.metrics.libraries import OneVersionReader
from tests.graders.metrics.small_wordnet import EXCEPTIONS, SYNSETS
from tests.graders.metrics.texts import ANY

KNOWN = [
    name.lower().removesuffix("(p)")
    for part in SYNSETS.values()
    for names in part
    for name in names
]
IRREGULAR = [word for part in EXCEPTIONS.values() for word in part]
INFLECTED = st.builds(
    lambda word, ending: word + ending,
    st.sampled_from(KNOWN + IRREGULAR),
    st.sampled_from(["", "s", "es", "ed", "ing", "er", "est", "men", "x"]),
)


@given(word=st.one_of(INFLECTED, ANY))
def test_the_synonyms_of_a_word_are_those_that_nltk_finds(
    small_wordnet: WordNet, small_reader: OneVersionReader, word: str
) -> None:
    synsets = small_reader.synsets(word.lower())
    names = {lemma.name() for synset in synsets for lemma in synset.lemmas()}

    assert small_wordnet.synonyms(word.lower()) == {name for name in names if "_" not in name}


@pytest.mark.parametrize(
    ("word", "synonyms"),
    [
        ("cars", {"car", "auto", "motorcar", "railcar"}),
        ("bought", {"buy", "get", "bribe"}),
        ("paris", {"Paris"}),
        ("dormant", {"asleep", "dormant"}),
        ("\x00", set()),
        ("\ud800", set()),
    ],
)
def test_synonyms_are_single_words_of_all_base_forms(
    small_wordnet: WordNet, word: str, synonyms: set[str]
) -> None:
    assert small_wordnet.synonyms(word) == synonyms


def test_wordnet_is_found_in_the_first_folder_of_nltk_data_that_has_all_of_it(
    small_wordnet_folder: Path, tmp_path: Path
) -> None:
    incomplete = tmp_path / "corpora" / "wordnet"
    shutil.copytree(small_wordnet_folder, incomplete)
    (incomplete / "verb.exc").unlink()

    place = found_wordnet(wordnet_places(f"{tmp_path}:{small_wordnet_folder.parents[1]}"))

    assert place == small_wordnet_folder


def test_a_zipped_wordnet_gives_the_same_synonyms(
    small_wordnet: WordNet, small_wordnet_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "corpora").mkdir()
    with ZipFile(tmp_path / "corpora" / "wordnet.zip", "w") as packed:
        for file in small_wordnet_folder.iterdir():
            packed.write(file, f"wordnet/{file.name}")

    zipped = opened(found_wordnet(wordnet_places(str(tmp_path))))

    words = KNOWN + IRREGULAR
    assert [zipped.synonyms(one) for one in words] == [small_wordnet.synonyms(one) for one in words]


def test_a_damaged_zip_file_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "wordnet.zip"
    damaged.write_bytes(b"no zip")

    with pytest.raises(GraderFailed, match=str(damaged)) as failed:
        opened(damaged)

    assert failed.value.code == "wordnet_unreadable"


def test_an_entry_that_leads_astray_is_an_error_and_no_synonym(
    small_wordnet_folder: Path, tmp_path: Path
) -> None:
    astray = tmp_path / "wordnet"
    shutil.copytree(small_wordnet_folder, astray)
    (astray / "data.noun").write_text("nothing here\n" * 100)

    with pytest.raises(GraderFailed, match="'film'") as failed:
        opened(astray).synonyms("film")

    assert failed.value.code == "wordnet_unreadable"


def test_where_wordnet_is_missing_it_is_said_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(GraderFailed, match="apt-get install wordnet-base") as failed:
        found_wordnet((tmp_path, tmp_path / "wordnet.zip"))

    assert failed.value.code == "wordnet_missing"
