"""The programs of python criteria that decide what classes of openai/evals decide.

Each says it in our own words. Tests hold them against the package's functions.
"""

from collections.abc import Mapping, Sequence
from typing import Final

_IDEALS: Final = """

def ideals_of(item):
    ideal = item["ideal"]
    return ideal if isinstance(ideal, list) else [ideal]
"""

MATCH: Final = f'''"""Match of openai/evals: the answer begins with an ideal."""
{_IDEALS}

def grade(sample, item):
    return float(any(sample["output_text"].startswith(ideal) for ideal in ideals_of(item)))
'''

INCLUDES: Final = f'''"""Includes of openai/evals: the answer contains an ideal."""
{_IDEALS}

def grade(sample, item):
    return float(any(ideal in sample["output_text"] for ideal in ideals_of(item)))
'''

INCLUDES_IGNORING_CASE: Final = f'''"""Includes of openai/evals, with ignore_case."""
{_IDEALS}

def grade(sample, item):
    answer = sample["output_text"].lower()
    return float(any(ideal.lower() in answer for ideal in ideals_of(item)))
'''

FUZZY_MATCH: Final = f'''"""FuzzyMatch of openai/evals: one of answer and ideal contains the other.

Case, punctuation, the words a, an, the, and how many spaces there are, make no difference.
"""

import re
import string

PUNCTUATION = str.maketrans("", "", string.punctuation)
{_IDEALS}

def normal(text):
    bare = text.lower().translate(PUNCTUATION)
    return " ".join(re.sub(r"\\b(a|an|the)\\b", " ", bare).split())


def alike(one, other):
    if not one or not other:
        return one == other
    return one in other or other in one


def grade(sample, item):
    answer = normal(sample["output_text"])
    return float(any(alike(answer, normal(ideal)) for ideal in ideals_of(item)))
'''

JSON_MATCH: Final = f'''"""JsonMatch of openai/evals: the answer is the JSON of an ideal.

A null is never right.
"""

import json
{_IDEALS}

def same(found, right):
    if found is None or right is None:
        return False
    if isinstance(found, dict):
        keys = {{*found, *right}} if isinstance(right, dict) else None
        return keys is not None and all(same(found.get(key), right.get(key)) for key in keys)
    if isinstance(found, list):
        if not isinstance(right, list) or len(found) != len(right):
            return False
        return all(same(one, other) for one, other in zip(found, right))
    return found == right


def grade(sample, item):
    rights = [json.loads(ideal) for ideal in ideals_of(item)]
    try:
        answer = json.loads(sample["output_text"])
    except ValueError:
        return 0.0
    return float(any(same(answer, right) for right in rights))
'''

JSON_VALIDATOR: Final = '''"""JsonValidator of openai/evals: the answer is JSON."""

import json


def grade(sample, item):
    try:
        json.loads(sample["output_text"])
    except ValueError:
        return 0.0
    return 1.0
'''

MATCH_FNS: Final[Mapping[str, str]] = {
    "include": "choice in line",
    "exact": "line == choice",
    "endswith": "line.endswith(choice)",
    "starts_or_endswith": "line.startswith(choice) or line.endswith(choice)",
}

_METAEVAL: Final = '''"""A metaeval of openai/evals: the judge chooses what a person chose."""

import string

CHOICES = {choices}
FROM_THE_END = {from_the_end}
PUNCTUATION = str.maketrans("", "", string.punctuation)


def choice_in(text):
    lines = text.strip().split("\\n")
    for line in reversed(lines) if FROM_THE_END else lines:
        line = line.strip().translate(PUNCTUATION)
        for choice in CHOICES:
            if line and ({matches}):
                return choice
    return "__invalid__"


def grade(sample, item):
    return float(choice_in(sample["output_text"]) == item["choice"])
'''


def metaeval(choices: Sequence[str], eval_type: str, match_fn: str) -> str:
    """Give the program of a metaeval, with the choices of its spec and how they are found."""
    return _METAEVAL.format(
        choices=list(choices),
        from_the_end=eval_type.startswith("cot_classify"),
        matches=MATCH_FNS[match_fn],
    )
