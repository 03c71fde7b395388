"""Which sources can be a python grader. Nothing of them is run, and no text breaks the check."""

import pytest

from evald.graders.python_source import MISSING, source_fault

GOOD = {
    "as documented": "def grade(sample, item):\n    return 1.0\n",
    "with types": "def grade(sample: dict, item: dict) -> float: return 1.0",
    "other names": "def grade(a, b, /): return 1.0",
    "a default": "def grade(sample, item=None): return 1.0",
    "decorated": "import functools\n@functools.cache\ndef grade(sample, item): return 1.0",
    "a lambda": "grade = lambda sample, item: 1.0",
    "a typed lambda": "from typing import Any\ngrade: Any = lambda sample, item: 1.0",
    "in a try": "try:\n    import numpy\n    def grade(s, i): return 1.0\nexcept ImportError:\n    pass",
    "in an except": "try:\n    import nothing\nexcept ImportError:\n    def grade(s, i): return 1.0",
    "in an else": "if 0:\n    pass\nelse:\n    def grade(s, i): return 1.0",
    "in a match": "match 1:\n    case 1:\n        def grade(s, i): return 1.0",
    "a warning": "def grade(sample, item): return '\\d' is 1",
}


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD)
def test_a_source_that_defines_grade_with_two_parameters_is_taken(source: str) -> None:
    assert source_fault(source) is None


# Each level is compiled twice, and so is all that is in it.
FINALLY = "".join(f"{' ' * n}try: pass\n{' ' * n}finally:\n" for n in range(16))
BAD = {
    "finally in finally": (f"{FINALLY}{' ' * 16}{'a(b);' * 200}", "too deeply"),
    "nothing": ("", MISSING),
    "another name": ("def score(sample, item): return 1.0", MISSING),
    "inside a function": ("def f():\n    def grade(sample, item): return 1.0", MISSING),
    "inside a class": ("class A:\n    def grade(sample, item): return 1.0", MISSING),
    "a class": ("class grade:\n    def __new__(cls, sample, item): return 1.0", MISSING),
    "a number": ("grade = 1.0", MISSING),
    "a comment": ("# def grade(sample, item): return 1.0", MISSING),
    "one parameter": ("def grade(sample): return 1.0", "not `(sample)`"),
    "three": ("def grade(a, b, c): return 1.0", "not `(a, b, c)`"),
    "a third with a default": ("def grade(a, b, c=1): return 1.0", "not `(a, b, c=1)`"),
    "any number": ("def grade(*all): return 1.0", "not `(*all)`"),
    "and any more": ("def grade(a, b, *more): return 1.0", "not `(a, b, *more)`"),
    "by name": ("def grade(a, b, *, c): return 1.0", "not `(a, b, *, c)`"),
    "any names": ("def grade(a, b, **c): return 1.0", "not `(a, b, **c)`"),
    "a lambda of one": ("grade = lambda a: 1.0", "not `(a)`"),
    "the second definition": (
        "def grade(a, b): return 1.0\ndef grade(a): return 1.0",
        "not `(a)`",
    ),
    "async": ("\nasync def grade(a, b): return 1.0", "line 2: `grade` is async"),
    "no Python": ("def grade(sample, item)\n", "line 1: expected ':'"),
    "a return outside": ("\n\nreturn 1", "line 3: 'return' outside function"),
    "an await outside": ("def grade(a, b): await a", "line 1: 'await' outside async function"),
    "bad indentation": ("def grade(a, b):\nreturn 1", "line 2: expected an indented block"),
    "a NUL": ("def grade(a, b): return 1.0\x00", "null bytes"),
    "half a surrogate pair": ("def grade(a, b): return '\ud800'", "surrogates not allowed"),
    "deep parentheses": ("(" * 5_000 + ")" * 5_000, "too many nested parentheses"),
    "deep operators": ("-" * 100_000 + "1", "nested too deeply"),
    "deep attributes": ("a" + ".b" * 100_000, "nested too deeply"),
    "deep sums": ("+".join("1" * 100_000), "nested too deeply"),
    "deep ifs": ("".join(" " * n + "if 1:\n" for n in range(200)), "too many levels"),
    "a long number": ("a = " + "1" * 5_000, "4300 digits"),
}


@pytest.mark.parametrize(("source", "says"), BAD.values(), ids=BAD)
def test_another_source_is_refused_with_the_reason(source: str, says: str) -> None:
    assert says in str(source_fault(source))


def test_nothing_of_a_source_is_run(capfd: pytest.CaptureFixture[str]) -> None:
    source = "print('run')\nopen('/nowhere')\ndef grade(a, b=print('run'), ): return 1.0"

    assert source_fault(source) is None
    assert capfd.readouterr() == ("", "")
