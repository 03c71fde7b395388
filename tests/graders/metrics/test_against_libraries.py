"""Our scores beside those of nltk and rouge-score: on a table, and on random texts that share words."""

import os
from pathlib import Path

import pytest
from hypothesis import assume, given

from evald.errors import GraderFailed
from evald.graders.metrics.meteor import meteor_by
from evald.graders.metrics.registry import METRICS
from evald.graders.metrics.wordnet import WordNet, found_wordnet, opened, wordnet_places
from tests.graders.metrics.libraries import (
    OneVersionReader,
    library_bleu,
    library_gleu,
    library_meteor,
    library_scores,
    library_wordnet,
    library_words,
    with_lexnames,
)
from tests.graders.metrics.pairs import PAIRS
from tests.graders.metrics.plain_rouge import ROUGE, plain_rouge, plain_words
from tests.graders.metrics.rouge_scores import ROUGE_SCORES
from tests.graders.metrics.texts import SENTENCES

EXACT = 1e-9


def are_alike(metric: str, text: str, reference: str) -> bool:
    """Say whether evald means to give 1 here, whatever the library gives."""
    if metric.startswith("rouge"):
        words, expected = (plain_words(one) for one in (text, reference))
    else:
        words, expected = library_words(text), library_words(reference)
    if metric == "meteor":
        words, expected = [one.lower() for one in words], [one.lower() for one in expected]
    return text == reference or (bool(words) and words == expected)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("metric", ["bleu", "gleu", "meteor"])
def test_the_table_gets_the_scores_of_nltk(metric: str, small_reader: OneVersionReader) -> None:
    library = library_scores(small_reader)[metric]

    scores = {pair: METRICS[metric].score(*pair) for pair in PAIRS}

    assert scores == {
        pair: 1.0 if are_alike(metric, *pair) else pytest.approx(library(*pair), abs=EXACT)
        for pair in PAIRS
    }


@pytest.mark.parametrize("metric", ROUGE)
def test_the_table_gets_the_scores_that_rouge_score_gave(metric: str) -> None:
    column = list(ROUGE).index(metric)
    given_by_library = {
        pair: scores[column] for pair, scores in zip(PAIRS, ROUGE_SCORES, strict=True)
    }

    scores = {pair: METRICS[metric].score(*pair) for pair in PAIRS}

    assert scores == {
        pair: 1.0 if are_alike(metric, *pair) else pytest.approx(score, abs=EXACT)
        for pair, score in given_by_library.items()
    }


@given(SENTENCES, SENTENCES)
def test_bleu_is_nltks(text: str, reference: str) -> None:
    assume(not are_alike("bleu", text, reference))

    score = METRICS["bleu"].score(text, reference)

    assert score == pytest.approx(library_bleu(text, reference), abs=EXACT)


@given(SENTENCES, SENTENCES)
def test_gleu_is_nltks(text: str, reference: str) -> None:
    assume(not are_alike("gleu", text, reference))

    score = METRICS["gleu"].score(text, reference)

    assert score == pytest.approx(library_gleu(text, reference), abs=EXACT)


@given(text=SENTENCES, reference=SENTENCES)
def test_meteor_is_nltks(
    small_wordnet: WordNet, small_reader: OneVersionReader, text: str, reference: str
) -> None:
    assume(not are_alike("meteor", text, reference))

    score = meteor_by(small_wordnet.synonyms, text, reference)

    assert score == pytest.approx(library_meteor(small_reader)(text, reference), abs=EXACT)


@pytest.mark.parametrize("metric", ROUGE)
@given(text=SENTENCES, reference=SENTENCES)
def test_rouge_is_what_its_definition_says(metric: str, text: str, reference: str) -> None:
    assume(not are_alike(metric, text, reference))

    score = METRICS[metric].score(text, reference)

    assert score == pytest.approx(plain_rouge(metric, text, reference), abs=EXACT)


def test_with_a_whole_wordnet_meteor_is_nltks(tmp_path: Path) -> None:
    try:
        place = found_wordnet(wordnet_places(os.environ.get("NLTK_DATA", "")))
    except GraderFailed as missing:
        pytest.skip(f"!! METEOR WAS NOT COMPARED ON A WHOLE WORDNET: {missing}")
    library = library_meteor(library_wordnet(with_lexnames(place, tmp_path)))

    scores = {pair: meteor_by(opened(place).synonyms, *pair) for pair in PAIRS}

    assert scores == {
        pair: 1.0 if are_alike("meteor", *pair) else pytest.approx(library(*pair), abs=EXACT)
        for pair in PAIRS
    }
