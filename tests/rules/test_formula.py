"""Formulas of `multi` graders: what they mean, what they refuse, and that none can do harm."""

import math
import re
import sys
from collections.abc import Callable, Collection
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evald.rules.formula import (
    FUNCTIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_SYMBOLS,
    BadFormula,
    FormulaFailed,
    compile_formula,
)
from tests.rules.json_values import ends_within

SCORES = {"a": 0.5, "b": 2.0, "tone": 0.25, "größe": 3.0, "class": 4.0, "max": 5.0, "e": 6.0}
SECONDS = 30


def value_of(text: str) -> float:
    return compile_formula(text, SCORES).evaluate(SCORES)


def refusal(text: str, names: Collection[str] = SCORES) -> str:
    with pytest.raises(BadFormula) as refused:
        compile_formula(text, names)
    return str(refused.value)


def failure(text: str) -> str:
    formula = compile_formula(text, SCORES)
    with pytest.raises(FormulaFailed) as failed:
        formula.evaluate(SCORES)
    return str(failed.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5 * a + 0.5 * b", 1.25),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 - 2 - 1", 4),
        ("12 / 3 / 2", 2),
        ("1 / 4", 0.25),
        ("2*3^2", 18),
        ("2^3*3", 24),
        ("1+2^3", 9),
        ("2^3^2", 512),
        ("(2^3)^2", 64),
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("-a^b", -0.25),
        ("2^-1", 0.5),
        ("2^-2^2", 1 / 16),
        ("2^+3", 8),
        ("2 ** 3 ** 2", 512),
        ("-2**2", -4),
        ("3 - -2", 5),
        ("- - + - 3", -3),
        ("-2 * -3", 6),
        ("0^0", 1),
    ],
)
def test_operators_bind_as_in_mathematics(text: str, value: float) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("min(b)", 2),
        ("min(b, a, 3)", 0.5),
        ("max(b, a, 3)", 3),
        ("abs(0 - b)", 2),
        ("floor(0-1.5)", -2),
        ("ceil(1.2)", 2),
        ("exp(0)", 1),
        ("sqrt(16)", 4),
        ("log(1)", 0),
        ("log(exp(2))", 2),
        ("2 * max(a, min(b, 1)) ^ 2", 2),
        ("floor (1e300)", 1e300),
    ],
)
def test_functions_give_what_their_names_say(text: str, value: float) -> None:
    assert value_of(text) == value


def test_log_is_the_natural_logarithm() -> None:
    assert value_of("log(10)") == math.log(10)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("007", 7),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("1.5E-1", 0.15),
        ("2e+1", 20),
        ("1e-3-1", -0.999),
        ("2*e", 12),
        ("9007199254740993", 9007199254740992),
    ],
)
def test_a_number_is_a_float_however_it_is_written(text: str, value: float) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize("text", ["  a+b ", "a\n+\tb", "\na\r\n+ b\n", "a\u00a0+\u00a0b", "a+b"])
def test_spaces_and_lines_make_no_difference(text: str) -> None:
    assert value_of(text) == 2.5


@pytest.mark.parametrize(
    ("text", "value"), [("größe", 3), ("class + 1", 5), ("max", 5), ("max(max, 1)", 5)]
)
def test_every_identifier_that_is_a_key_can_be_used(text: str, value: float) -> None:
    assert value_of(text) == value


def test_a_key_is_the_very_same_text_and_no_likeness_of_it() -> None:
    assert compile_formula("ﬁ - fi", ["ﬁ", "fi"]).evaluate({"ﬁ": 3, "fi": 1}) == 2
    assert "unknown name 'Tone'" in refusal("Tone")


def test_keys_that_no_formula_can_name_may_exist() -> None:
    assert compile_formula("a", ["a", "my grader", "1st", ""]).evaluate({"a": 1}) == 1


def test_names_that_are_not_used_need_no_score() -> None:
    assert compile_formula("a", ["a", "b"]).evaluate({"a": 1}) == 1


def test_a_formula_may_use_no_name_at_all() -> None:
    assert compile_formula("1 + 1", []).evaluate({}) == 2


def test_zero_has_no_sign() -> None:
    assert str(value_of("-0 * 1")) == "0.0"


def test_whole_scores_are_floats_too() -> None:
    formula = compile_formula("a * a", ["a"])

    assert repr(formula.evaluate({"a": 2})) == "4.0"
    with pytest.raises(FormulaFailed, match="too large"):
        formula.evaluate({"a": 10**200})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("a b", "at character 3: an operator is missing before 'b'"),
        ("2 a", "at character 3: an operator is missing before 'a'"),
        ("2(a)", "at character 2: an operator is missing before '('"),
        ("(a)(b)", "at character 4: an operator is missing before '('"),
        ("(max)(a)", "at character 6: an operator is missing before '('"),
        ("(max(a, b) b)", "at character 12: an operator is missing before 'b'"),
        ("a +", "at character 4: a value is expected, not the end"),
        ("* a", "at character 1: a value is expected, not '*'"),
        ("a * / b", "at character 5: a value is expected, not '/'"),
        ("a // b", "at character 4: a value is expected, not '/'"),
        ("a * * b", "at character 5: a value is expected, not '*'"),
        ("a ^^ b", "at character 4: a value is expected, not '^'"),
        ("()", "at character 2: a value is expected, not ')'"),
        ("max()", "at character 5: a value is expected, not ')'"),
        ("max(a,)", "at character 7: a value is expected, not ')'"),
        ("max(a,,b)", "at character 7: a value is expected, not ','"),
        ("max(*a)", "at character 5: a value is expected, not '*'"),
        ("max(**a)", "at character 5: a value is expected, not '**'"),
        ("(a + b", "at character 1: '(' is never closed"),
        ("(a + max(b)", "at character 1: '(' is never closed"),
        ("a + b)", "at character 6: ')' closes nothing"),
        ("a, b", "at character 2: a comma stands outside of a function's parentheses"),
        ("max((a, b))", "at character 7: a comma stands outside of a function's parentheses"),
        ("abs(a, b)", "at character 1: abs takes 1 value, not 2"),
        ("1 + log(a, 10, b)", "at character 5: log takes 1 value, not 3"),
        ("1e999", "at character 1: '1e999' is beyond what a float can hold"),
    ],
)
def test_a_broken_formula_is_refused_with_place_and_reason(text: str, reason: str) -> None:
    assert refusal(text) == reason


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("'a'", 'at character 1: "\'" has no meaning'),
        ('a + "b"', "at character 5: '\"' has no meaning"),
        ("a == b", "at character 3: '=' has no meaning"),
        ("a < b", "at character 3: '<' has no meaning"),
        ("a % b", "at character 3: '%' has no meaning"),
        ("a # b", "at character 3: '#' has no meaning"),
        ("a \\\n+ b", "at character 3: '\\\\' has no meaning"),
        ("a; b", "at character 2: ';' has no meaning"),
        ("~a", "at character 1: '~' has no meaning"),
        ("[a]", "at character 1: '[' has no meaning"),
        ("[a for a in b]", "at character 4: unknown name 'for'"),
        ("{{ a }}", "at character 1: '{' has no meaning"),
        ("(a := 1)", "at character 4: ':' has no meaning"),
        ("max(a, key=b)", "at character 8: unknown name 'key'"),
        ("max(a, b=b)", "at character 9: '=' has no meaning"),
        ("a × b", "at character 3: '×' has no meaning"),
        ("a×b", "at character 2: '×' has no meaning"),
        ("a − b", "at character 3: '−' has no meaning"),
        ("a²", "at character 2: '²' has no meaning"),
        ("a\x00", "at character 2: '\\x00' has no meaning"),
        ("\ud800", "at character 1: '\\ud800' has no meaning"),
        ("lambda: a", "at character 1: unknown name 'lambda'"),
        ("a if b else 1", "at character 3: unknown name 'if'"),
        ("a and b", "at character 3: unknown name 'and'"),
        ("not a", "at character 1: unknown name 'not'"),
        ("True", "at character 1: unknown name 'True'"),
        ("inf", "at character 1: unknown name 'inf'"),
        ("nan", "at character 1: unknown name 'nan'"),
        ("a.real", "at character 2: '.real' is no number"),
        ("1_000", "at character 1: '1_000' is no number"),
        ("0x10", "at character 1: '0x10' is no number"),
        ("1j", "at character 1: '1j' is no number"),
        ("1.2.3", "at character 1: '1.2.3' is no number"),
        ("1e", "at character 1: '1e' is no number"),
        (".", "at character 1: '.' is no number"),
        ("2a", "at character 1: '2a' is no number"),
        ("٣", "at character 1: '٣' has no meaning"),
        ("__import__('os')", "at character 1: unknown function '__import__'"),
        ("a(b)", "at character 1: unknown function 'a'"),
    ],
)
def test_what_is_no_part_of_a_formula_is_refused(text: str, start: str) -> None:
    assert refusal(text).startswith(start)


def test_an_unknown_name_is_refused_with_the_names_that_there_are() -> None:
    assert refusal("a + c", ["a", "b c", "b"]) == (
        "at character 5: unknown name 'c'; there are a, b"
    )
    assert refusal("a", ["b c"]) == (
        "at character 1: unknown name 'a'; there are none that a formula can use"
    )


def test_an_unknown_function_is_refused_with_the_functions_that_there_are() -> None:
    assert refusal("1 + mean(a)") == (
        "at character 5: unknown function 'mean'; "
        "there are abs, ceil, exp, floor, log, max, min, sqrt"
    )


def test_a_refusal_stays_short_however_many_and_long_the_names() -> None:
    names = [f"{'n' * 100_000}{number}" for number in range(100)]

    assert len(refusal("m" * MAX_LENGTH, names)) < 1500


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "1.0 / 0.0 divides by zero"),
        ("a / (b - 2)", "0.5 / 0.0 divides by zero"),
        ("log(0)", "log(0.0) has no real value"),
        ("log(-a)", "log(-0.5) has no real value"),
        ("sqrt(-1)", "sqrt(-1.0) has no real value"),
        ("(-8)^(1/3)", "-8.0 ^ 0.3333333333333333 has no real value"),
        ("0^-1", "0.0 ^ -1.0 has no real value"),
        ("9^9^9^9", "9.0 ^ 387420489.0 is too large"),
        ("9**9**9", "9.0 ^ 387420489.0 is too large"),
        ("exp(1000)", "exp(1000.0) is too large"),
        ("1e308 * 10", "1e+308 * 10.0 is too large"),
        ("1e308 + 1e308", "1e+308 + 1e+308 is too large"),
        ("-1e308 - 1e308", "-1e+308 - 1e+308 is too large"),
        ("1 / 1e-310", "1.0 / 1e-310 is too large"),
        ("1 / (1e308 * 10)", "1e+308 * 10.0 is too large"),
    ],
)
def test_an_operation_without_a_finite_value_fails_and_names_itself(text: str, reason: str) -> None:
    assert failure(text) == reason


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_fails_even_where_it_would_not_show(score: float) -> None:
    formula = compile_formula("min(1, 1 / a, a)", ["a"])

    with pytest.raises(FormulaFailed, match=f"a is {score}"):
        formula.evaluate({"a": score})


def test_a_missing_score_of_a_name_in_use_fails() -> None:
    with pytest.raises(FormulaFailed, match="b has no score"):
        compile_formula("a + b", ["a", "b"]).evaluate({"a": 1})


HOSTILE = {
    "a million parentheses": "(" * 1_000_000,
    "a million parentheses that close": "(" * 500_000 + "1" + ")" * 500_000,
    "a million signs": "-" * 1_000_000 + "1",
    "a million braces": "{" * 1_000_000,
    "a megabyte of a name": "a" * 1_000_000,
    "a megabyte of spaces": " " * 1_000_000,
    "a megabyte of powers": "9" + "^9" * 500_000,
    "ten thousand digits": "9" * 10_000,
    "one parenthesis too many": "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1),
    "one symbol too many": "-" * MAX_SYMBOLS + "1",
    "one character too many": " " * MAX_LENGTH + "1",
    "as many digits as fit": "9" * MAX_LENGTH,
    "a large exponent": "1e" + "9" * (MAX_LENGTH - 2),
    "an exponent without end": "1e" * (MAX_LENGTH // 2),
    "dots": "." * MAX_LENGTH,
    "calls in calls": "abs(" * MAX_SYMBOLS,
    "only open parentheses": "(" * MAX_SYMBOLS,
    "only signs": "-" * MAX_SYMBOLS,
    "only commas": "," * MAX_SYMBOLS,
    "a name of signs": "a" + "×" * (MAX_LENGTH - 1),
    "a name of letters": "é" * MAX_LENGTH,
    "lines": "\n" * MAX_LENGTH,
    "nulls": "\x00" * MAX_LENGTH,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_refused_at_once(text: str) -> None:
    with ends_within(SECONDS):
        assert len(refusal(text)) < 300


LARGEST = {
    "a sum": ("1" + "+1" * (MAX_SYMBOLS // 2 - 1), MAX_SYMBOLS / 2),
    "a tower": ("1" + "^1" * (MAX_SYMBOLS // 2 - 1), 1),
    "signs": ("-" * (MAX_SYMBOLS - 1) + "1", -1),
    "parentheses": ("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH, 1),
    "signs in calls": (
        "-abs(" * MAX_DEPTH + "-" * (MAX_SYMBOLS - 4 * MAX_DEPTH - 1) + "1" + ")" * MAX_DEPTH,
        -1,
    ),
    "arguments": ("max(" + "1," * (MAX_SYMBOLS // 2 - 2) + "2)", 2),
    "characters": ("1" + " " * (MAX_LENGTH - 1), 1),
}


def deeper(frames: int, act: Callable[[], float]) -> float:
    return act() if frames == 0 else deeper(frames - 1, act)


@pytest.mark.parametrize(("text", "value"), LARGEST.values(), ids=LARGEST)
def test_the_largest_formulas_need_little_of_the_stack(text: str, value: float) -> None:
    frames = sys.getrecursionlimit() // 2

    assert deeper(frames, lambda: compile_formula(text, []).evaluate({})) == value


PIECES = ["max(", "log(", "1e9", "lambda ", " if ", "None", "f'{a}'", "0x", "^999999999", "\ud800"]
TEXTS = (
    st.text(max_size=60)
    | st.text("ab2()+-*/^,", max_size=12)
    | st.lists(st.sampled_from([*"ab()+-*/^,.=: \n'\"[]{}@01e_é×\x0c\ufeff", *PIECES])).map("".join)
)
VALUES = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e300, -1e-300])


@settings(max_examples=400)
@given(TEXTS, VALUES, VALUES)
def test_any_text_gives_a_finite_float_or_one_of_two_errors(text: str, a: float, b: float) -> None:
    value = 0.0
    with suppress(BadFormula, FormulaFailed):
        value = compile_formula(text, ["a", "b"]).evaluate({"a": a, "b": b})

    assert isinstance(value, float)
    assert math.isfinite(value)


NUMBERS = st.floats(0, 1e6).map(repr) | st.integers(0, 1000).map(str)
A_NUMBER = r"\b[0-9.]+(?:e[+-]?[0-9]+)?"


def _larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts that mean the same here and in Python, `^` apart: with few and many parentheses."""
    joined = st.tuples(parts, st.sampled_from("+-*/^"), parts).map("".join)
    function = st.sampled_from(sorted(FUNCTIONS)).map(lambda name: f"{name}(")
    called = st.tuples(function, parts, st.just(")")).map("".join)
    several = st.lists(parts, min_size=1, max_size=3).map(", ".join)
    chosen = st.tuples(st.sampled_from(["min(", "max("]), several, st.just(")")).map("".join)
    signed = st.tuples(st.sampled_from(["-", "+", "- -"]), parts).map("".join)
    return joined | called | chosen | signed | parts.map(lambda part: f"({part})")


TREES = st.recursive(NUMBERS | st.sampled_from(["a", "b"]), _larger, max_leaves=12)


class Real(float):
    """Python's own float arithmetic, except that it ends where there is no finite real value."""

    def __new__(cls, value: float | complex) -> "Real":
        if isinstance(value, complex) or not math.isfinite(value):
            raise ArithmeticError
        return super().__new__(cls, value)

    def __add__(self, other: float) -> "Real":
        return Real(float(self) + float(other))

    def __sub__(self, other: float) -> "Real":
        return Real(float(self) - float(other))

    def __mul__(self, other: float) -> "Real":
        return Real(float(self) * float(other))

    def __truediv__(self, other: float) -> "Real":
        return Real(float(self) / float(other))

    def __pow__(self, other: float, _: None = None) -> "Real":
        return Real(float(self) ** float(other))

    def __neg__(self) -> "Real":
        return Real(-float(self))

    def __pos__(self) -> "Real":
        return self


IN_PYTHON: dict[str, Callable[..., Real]] = {
    "abs": lambda x: Real(abs(x)),
    "ceil": lambda x: Real(math.ceil(x)),
    "exp": lambda x: Real(math.exp(x)),
    "floor": lambda x: Real(math.floor(x)),
    "log": lambda x: Real(math.log(x)),
    "max": lambda *all_: Real(max(all_)),
    "min": lambda *all_: Real(min(all_)),
    "sqrt": lambda x: Real(math.sqrt(x)),
}


def in_python(text: str, a: float, b: float) -> float | None:
    """Give what Python makes of a tree, or None where it has no finite real value on the way."""
    source = re.sub(A_NUMBER, r"Real(\g<0>)", text).replace("^", "**")
    try:
        return float(eval(source, {**IN_PYTHON, "Real": Real, "a": Real(a), "b": Real(b)}))
    except (ArithmeticError, ValueError):
        return None


@settings(max_examples=400)
@given(TREES, VALUES, VALUES)
def test_a_formula_has_the_value_that_python_gives_it(text: str, a: float, b: float) -> None:
    value = None
    with suppress(FormulaFailed):
        value = compile_formula(text, ["a", "b"]).evaluate({"a": a, "b": b})

    assert value == in_python(text, a, b)


@given(TREES)
def test_a_formula_compiled_twice_is_the_same(text: str) -> None:
    first, second = compile_formula(text, ["a", "b"]), compile_formula(text, ["b", "a"])

    assert first == second
    assert hash(first) == hash(second)


@given(TREES)
def test_spaces_within_and_parentheses_around_change_nothing(text: str) -> None:
    spaced = " ".join(re.findall(rf"{A_NUMBER}|\w+|\S", text))

    assert compile_formula(f"( {spaced} )", ["a", "b"]) == compile_formula(text, ["a", "b"])
