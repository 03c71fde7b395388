"""What nltk itself says, in the variants that evald's metrics equal."""

import warnings
from collections.abc import Callable
from pathlib import Path

from nltk.corpus.reader.wordnet import WordNetCorpusReader
from nltk.tokenize import word_tokenize
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import meteor_score

Score = Callable[[str, str], float]

method1 = SmoothingFunction().method1


def library_words(text: str) -> list[str]:
    return list(word_tokenize(text, preserve_line=True))


def library_bleu(text: str, reference: str) -> float:
    reference_words, words = library_words(reference), library_words(text)
    return float(sentence_bleu([reference_words], words, smoothing_function=method1))


def library_gleu(text: str, reference: str) -> float:
    return float(sentence_gleu([library_words(reference)], library_words(text)))


def library_meteor(reader: WordNetCorpusReader) -> Score:
    def score(text: str, reference: str) -> float:
        reference_words, words = library_words(reference), library_words(text)
        return float(meteor_score([reference_words], words, wordnet=reader))

    return score


def library_scores(reader: WordNetCorpusReader) -> dict[str, Score]:
    """Give nltk's functions under the names of our metrics."""
    return {
        "bleu": library_bleu,
        "gleu": library_gleu,
        "meteor": library_meteor(reader),
    }


class OneVersionReader(WordNetCorpusReader):  # type: ignore[misc]  # nltk has no types
    """A reader that needs no second WordNet to translate other versions' synsets from."""

    def map_wn(self, version: str = "wordnet") -> None:
        """Give no translation, as nltk does for the version that it has."""


def library_wordnet(folder: Path) -> OneVersionReader:
    """Open a WordNet folder with nltk; it must have the file lexnames."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it has no other languages
        return OneVersionReader(str(folder), None)


def with_lexnames(wordnet: Path, folder: Path) -> Path:
    """Give a folder with a WordNet and the names of its sections, which Debian leaves out."""
    for file in wordnet.iterdir():
        (folder / file.name).symlink_to(file)
    if not (folder / "lexnames").exists():
        (folder / "lexnames").write_text("".join(f"{number:02d}\t-\t1\n" for number in range(45)))
    return folder
