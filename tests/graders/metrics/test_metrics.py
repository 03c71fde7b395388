"""The metrics that compare words: properties that hold for any texts, short, strange and long."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.graders.metrics.meteor import meteor_by
from evald.graders.metrics.registry import METRICS
from evald.graders.metrics.wordnet import WordNet
from tests.graders.metrics.texts import ANY, SENTENCES

TEXTS = st.one_of(ANY, SENTENCES, st.text("ab. \x00", max_size=12))
BY_WORDS = [metric for metric in METRICS if metric != "fuzzy_match"]
PLAIN = [metric for metric in BY_WORDS if metric != "meteor"]
SYMMETRIC = [metric for metric in PLAIN if metric != "bleu"]
LONG = 100_000


@pytest.mark.parametrize("metric", PLAIN)
@given(text=TEXTS, reference=TEXTS)
def test_a_score_is_from_0_to_1(metric: str, text: str, reference: str) -> None:
    assert 0 <= METRICS[metric].score(text, reference) <= 1


@given(text=TEXTS, reference=TEXTS)
def test_meteor_is_from_0_to_1(small_wordnet: WordNet, text: str, reference: str) -> None:
    assert 0 <= meteor_by(small_wordnet.synonyms, text, reference) <= 1


@pytest.mark.parametrize("metric", PLAIN)
@given(text=TEXTS)
def test_identical_texts_are_fully_alike(metric: str, text: str) -> None:
    assert METRICS[metric].score(text, text) == 1


@given(text=TEXTS)
def test_identical_texts_are_fully_alike_to_meteor(small_wordnet: WordNet, text: str) -> None:
    assert meteor_by(small_wordnet.synonyms, text, text) == 1


@pytest.mark.parametrize("metric", SYMMETRIC)
@given(text=TEXTS, reference=TEXTS)
def test_gleu_and_rouge_are_the_same_either_way_round(
    metric: str, text: str, reference: str
) -> None:
    score = METRICS[metric].score

    assert score(text, reference) == score(reference, text)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("metric", BY_WORDS)
def test_the_same_words_with_other_spaces_are_fully_alike(metric: str) -> None:
    assert METRICS[metric].score("the cat\n", " the  cat") == 1


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("metric", BY_WORDS)
def test_texts_without_a_common_word_or_without_any_are_not_alike(metric: str) -> None:
    pairs = [("", "cat"), ("cat", ""), ("cat", "dog"), ("!!!", "???"), ("好", "坏"), ("", " ")]

    assert [METRICS[metric].score(*pair) for pair in pairs] == [0.0] * len(pairs)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("metric", BY_WORDS)
@pytest.mark.parametrize(
    "text",
    [
        "a " * LONG,
        "y" * LONG,
        "." + " " * LONG + "x",
        "'" * LONG,
        ".)" * LONG,
        "(\"' " * (LONG // 2),
        "\x00" * LONG,
        "cannot" * (LONG // 6),
        " ".join(str(number) for number in range(LONG // 2)),
    ],
    ids=["words", "letters", "spaces", "apostrophes", "ends", "quotes", "NUL", "can", "numbers"],
)
def test_a_very_long_text_gets_a_score(metric: str, text: str) -> None:
    score = METRICS[metric].score(text, text[::-1] + " b")

    assert 0 <= score <= 1


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("metric", BY_WORDS)
def test_a_metric_can_go_to_another_process(metric: str) -> None:
    elsewhere = pickle.loads(pickle.dumps(METRICS[metric].score))

    assert elsewhere("a b c", "a b d") == METRICS[metric].score("a b c", "a b d")


@pytest.mark.parametrize("metric", BY_WORDS)
def test_short_texts_are_compared_at_once_and_the_longest_not_at_all(metric: str) -> None:
    limits = METRICS[metric]

    assert limits.work(300, 300) < limits.inline_work < limits.most_work < limits.work(0, 2_000_000)
