"""How the metrics cut a text into words, and when two texts are alike to all of them."""

import re
from collections.abc import Callable
from typing import Final

Words = list[str]
Cut = Callable[[str], Words]
ScoreOfWords = Callable[[Words, Words], float]
"""What gives a score from 0 to 1 for the words of a text and those of its reference."""

_WORD: Final = re.compile("[a-z0-9]+")

_CURLY_OPENING: Final = re.compile("[«“‘„]")
_CURLY_CLOSING: Final = re.compile("[»”’]")
_BACKTICKS: Final = re.compile("`+")
_QUOTE_AFTER_OPENING: Final = re.compile(r"""([ (\[{<])(?:"|'')""")
_APOSTROPHE_BEFORE_LETTER: Final = re.compile(r"'(?=(?!(?i:re|ve|ll|[mtsdn]))\w\b)")
_APOSTROPHE_AT_END: Final = re.compile("(?<=[^'])' ")
_SHORT_ENDING: Final = re.compile(r"'(?<=[^'\s]')[sSmMdD]?(?=\s|\Z)")
_LONG_ENDING: Final = re.compile(
    r"(?:'(?<=[^'\s]')(?:ll|LL|re|RE|ve|VE)|(?<=[^'\s])(?:n't|N'T))(?=\s|\Z)"
)
_COLON_OR_COMMA: Final = re.compile(r"([:,])(\D)")
_LAST_COLON_OR_COMMA: Final = re.compile("[:,]$")
_DOTS: Final = re.compile(r"\.{2,}")
_MARK: Final = re.compile("[;@#$%&?!]")
_BRACKET_OR_STAR: Final = re.compile(r"[*()\[\]{}<>]")

# What may stand between the last period and the end of a text.
_AFTER_PERIOD: Final = "])}>\"'»”’ "

_CONTRACTIONS: Final = (
    *(
        re.compile(rf"(?i)\b({first})({second})\b")
        for first, second in (
            ("can", "not"),
            ("d", "'ye"),
            ("gim", "me"),
            ("gon", "na"),
            ("got", "ta"),
            ("lem", "me"),
            ("more", "'n"),
        )
    ),
    re.compile(r"(?i)\b(wan)(na)(?=\s)"),
    re.compile(r"(?i) ('t)(is)\b"),
    re.compile(r"(?i) ('t)(was)\b"),
)
_CONTRACTED: Final = (
    "cannot", "d'ye", "gimme", "gonna", "gotta", "lemme", "more'n", "wanna", "'tis", "'twas",
    "ı", "i̇", "ſ",  # letters that a search without regard to case takes for i and s
)  # fmt: skip


def score_of_words(cut: Cut, score: ScoreOfWords, text: str, reference: str) -> float:
    """Cut both texts into words and score these; texts that are alike give 1.

    Alike are texts that are equal as they stand, empty ones too, and texts with the same words. To most
    metrics a text of two words is not fully like itself, since it has no n-grams of four.
    """
    if text == reference:
        return 1.0
    words, expected = cut(text), cut(reference)
    if words and words == expected:
        return 1.0
    return score(words, expected)


def alphanumeric_words(text: str) -> list[str]:
    """Give the runs of a-z and 0-9 of the text in lower case, as rouge-score 0.1.2 cuts it.

    All other characters only divide: `naïve` is `na` and `ve`, and a Chinese text has no word.
    """
    return _WORD.findall(text.lower())


def treebank_words(text: str) -> list[str]:
    """Give words and punctuation as nltk 3.9.1's `word_tokenize(text, preserve_line=True)` does.

    These are the rules of the Penn Treebank: `don't` is `do` and `n't`, and only the last period of a
    text is a token of its own. A step is left out where the text has nothing that it could change.
    """
    curly = not text.isascii() and any(mark in text for mark in "«“‘„»”’")
    straight = "'" in text or '"' in text or "`" in text
    if curly:
        text = _CURLY_OPENING.sub(r" \g<0> ", text)
    if straight:
        text = _with_opening_quotes(text)
    text = _with_punctuation(text)
    if curly:
        text = _CURLY_CLOSING.sub(r" \g<0> ", text)
    if straight:
        text = _with_closing_quotes(text)
    return _with_contractions(text).split()


def _with_opening_quotes(text: str) -> str:
    text = _BACKTICKS.sub(r" \g<0> ", text)
    if text.startswith('"'):
        text = "``" + text[1:]
    text = text.replace("``", " `` ")
    if '"' in text or "''" in text:
        text = _QUOTE_AFTER_OPENING.sub(r"\1 `` ", text)
    return _APOSTROPHE_BEFORE_LETTER.sub("' ", text)


def _with_punctuation(text: str) -> str:
    text = _with_last_period(text)
    if ":" in text or "," in text:
        text = _COLON_OR_COMMA.sub(r" \1 \2", text)
        text = _LAST_COLON_OR_COMMA.sub(r" \g<0> ", text)
    if ".." in text:
        text = _DOTS.sub(r" \g<0> ", text)
    text = _MARK.sub(r" \g<0> ", text)
    if "' " in text:
        text = _APOSTROPHE_AT_END.sub(" ' ", text)
    text = _BRACKET_OR_STAR.sub(r" \g<0> ", text)
    return text.replace("--", " -- ")


def _with_last_period(text: str) -> str:
    """Set apart the period that only closing marks follow; one of several dots is none."""
    end = text.rstrip()
    sentence = end.rstrip(_AFTER_PERIOD)
    if len(sentence) < 2 or sentence[-1] != "." or sentence[-2] == ".":
        return text
    return f"{sentence[:-1]} . {end[len(sentence) :]} "


def _with_closing_quotes(text: str) -> str:
    text = text.replace("''", " '' ").replace('"', " '' ")
    text = _SHORT_ENDING.sub(r" \g<0> ", text)
    return _LONG_ENDING.sub(r" \g<0> ", text)


def _with_contractions(text: str) -> str:
    lower = text.lower()
    if not any(contracted in lower for contracted in _CONTRACTED):
        return text
    text = f" {' '.join(text.split())} "
    for contraction in _CONTRACTIONS:
        text = contraction.sub(r" \1 \2 ", text)
    return text
