"""How fast are the text metrics? evald's beside the libraries that they equal.

The pairs are English answers of one to three sentences and references that differ in every fourth word.
Each metric takes its turn with its library, several rounds in one process. Then each metric alone
compares two texts of growing length, ordinary ones and the worst that we know: the limits in
`evald.graders.metrics.registry` come from there.

pairs/s    comparisons in a second, cutting the texts into words included
ratio      evald by library, the median of the rounds' ratios
aim        what a library reached when the metrics were planned (pairs/s), to be beaten

METEOR needs WordNet on the machine (Debian: wordnet-base). rouge-score has no wheel and so is not among
the packages of the tests: `.venv/bin/python -m pip install rouge-score==0.1.2`. What is missing is left
out.
``python -m benchmarks.metrics [--pairs 300] [--rounds 5]``
"""

import argparse
import importlib
import os
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from evald.errors import GraderFailed
from evald.graders.metrics.registry import METRICS
from evald.graders.metrics.wordnet import found_wordnet, wordnet_places
from tests.graders.metrics.libraries import (
    library_bleu,
    library_gleu,
    library_meteor,
    library_wordnet,
    with_lexnames,
)

Score = Callable[[str, str], object]
Pair = tuple[str, str]

AIMS = {"bleu": 2_300, "gleu": 2_900, "meteor": 1_600, "all six rouge": 675}
ROUGE_TYPES = {
    **{f"rouge_{order}": f"rouge{order}" for order in range(1, 6)},
    "rouge_l": "rougeL",
}
LENGTHS = (100, 1_000, 10_000, 100_000)
WORDS = [
    "the", "a", "of", "to", "and", "in", "is", "was", "for", "that", "it", "on", "as",
    "with", "by", "at", "from", "this", "are", "be", "or", "an", "which", "not",
    "customer", "order", "refund", "invoice", "account", "payment", "delivery",
    "address", "shipped", "received", "charged", "asked", "quickly", "fast", "rapid",
    "large", "big", "car", "automobile", "begin", "start", "film", "buy", "purchase",
    "sell", "sold", "children", "running", "runs", "payments", "ordering", "refunded",
    "happier", "answers", "answered", "explained", "explanation", "customer's", "don't",
    "it's", "isn't", "(soon)", "Paris,", "however,", "42", "$3.50", "well-known",
]  # fmt: skip


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print_speeds(contests(Path(folder)), answers(asked.pairs), asked.rounds)
    print_lengths()


def contests(folder: Path) -> dict[str, tuple[Score, Score]]:
    """Give evald's function and the library's for each metric that can be measured here."""
    libraries: dict[str, Score] = {"bleu": library_bleu, "gleu": library_gleu}
    try:
        place = found_wordnet(wordnet_places(os.environ.get("NLTK_DATA", "")))
        libraries["meteor"] = library_meteor(library_wordnet(with_lexnames(place, folder)))
    except GraderFailed as missing:
        print(missing)
    contested = {metric: (METRICS[metric].score, score) for metric, score in libraries.items()}
    return contested | rouge_contests()


def rouge_contests() -> dict[str, tuple[Score, Score]]:
    """Give both sides of the ROUGE metrics, each alone and all six of one pair of texts."""
    try:
        scorer = importlib.import_module("rouge_score.rouge_scorer").RougeScorer
    except ImportError as missing:
        print(missing)
        return {}

    def library(*types: str) -> Score:
        score = scorer(list(types)).score
        return lambda text, reference: score(reference, text)

    return {
        **{metric: (METRICS[metric].score, library(name)) for metric, name in ROUGE_TYPES.items()},
        "all six rouge": (all_six_rouge, library(*ROUGE_TYPES.values())),
    }


def all_six_rouge(text: str, reference: str) -> list[float]:
    """Give what one call of rouge-score gives."""
    return [METRICS[metric].score(text, reference) for metric in ROUGE_TYPES]


def answers(count: int) -> list[Pair]:
    """Make answers and their references, always the same."""
    chance = random.Random(0)
    return [pair(chance) for _ in range(count)]


def pair(chance: random.Random) -> Pair:
    """Make a reference of one to three sentences, and an answer with every fourth word another."""
    reference = [word for _ in range(chance.randint(1, 3)) for word in sentence(chance)]
    answer = [chance.choice(WORDS) if chance.random() < 0.25 else word for word in reference]
    return " ".join(answer), " ".join(reference)


def sentence(chance: random.Random) -> list[str]:
    """Make a sentence of 6 to 14 words; one word in five has a mark or an apostrophe."""
    words = chance.choices(WORDS, k=chance.randint(6, 14))
    return [words[0].capitalize(), *words[1:-1], words[-1] + "."]


def print_speeds(
    contested: dict[str, tuple[Score, Score]], pairs: Sequence[Pair], rounds: int
) -> None:
    """Print pairs/s of both sides for each metric."""
    print(f"{len(pairs)} pairs, rounds: {rounds}")
    print(f"{'':16}{'evald':>12}{'library':>12}{'ratio':>9}{'aim':>9}  (pairs/s)")
    for metric, (ours, library) in contested.items():
        turns = [(speed(ours, pairs), speed(library, pairs)) for _ in range(rounds)]
        evald, theirs = (median(side) for side in zip(*turns, strict=True))
        ratio = median(mine / other for mine, other in turns)
        aim = AIMS.get(metric)
        reached = "" if aim is None else f"{aim:9,}  {'met' if evald >= aim else 'missed'}"
        print(f"{metric:16}{evald:12,.0f}{theirs:12,.0f}{ratio:9.1f}{reached}", flush=True)


def speed(score: Score, pairs: Sequence[Pair]) -> float:
    """Give comparisons in a second; the first one, which opens WordNet, comes before the clock."""
    score(*pairs[0])
    began = perf_counter()
    for text, reference in pairs:
        score(text, reference)
    return len(pairs) / (perf_counter() - began)


def print_lengths() -> None:
    """Print milliseconds for two texts of each length."""
    print("\nmilliseconds for two texts of so many characters")
    print(f"{'':24}" + "".join(f"{length:>10,}" for length in LENGTHS))
    for metric in ("bleu", "gleu", "meteor", "rouge_1", "rouge_5", "rouge_l"):
        for kind, text in {"words": ordinary, "new words": unheard, "marks": marks}.items():
            try:
                times = [milliseconds(METRICS[metric].score, text, length) for length in LENGTHS]
            except GraderFailed:
                continue
            print(f"{metric:12}{kind:12}" + "".join(f"{time:10.2f}" for time in times), flush=True)


def milliseconds(score: Score, text: Callable[[random.Random, int], str], length: int) -> float:
    """Give the time of one comparison of texts that were not seen before."""
    chance = random.Random(length)
    first, second = text(chance, length), text(chance, length)
    began = perf_counter()
    score(first, second)
    return (perf_counter() - began) * 1000


def ordinary(chance: random.Random, length: int) -> str:
    """Make a text of a few thousand different words."""
    return " ".join(f"word{chance.randrange(3_000)}" for _ in range(length // 8))


def unheard(chance: random.Random, length: int) -> str:
    """Make a text of words that hardly come twice."""
    return " ".join(f"{chance.getrandbits(32):x}ings" for _ in range(length // 13))


def marks(chance: random.Random, length: int) -> str:
    """Make a text that every rule of the tokenizer has to look at."""
    return "".join(chance.choices("'\"a.,;(`! ", k=length))


if __name__ == "__main__":
    main()
