"""Formulas of `multi` graders: `0.7 * tone + 0.3 * min(a, b)` (contract section 6.7).

A formula is numbers, the graders' keys, `+ - * / ^`, parentheses and eight functions. `^` is power as
in mathematics: it binds tighter than a sign before it (`-2^2` is -4) and to the right (`2^3^2` is
512), and its exponent may have a sign (`2^-1` is 0.5). `**` is power too: nothing else can be meant.
All arithmetic is on floats, so that `9^9^9^9` is too large at once and keeps no machine busy.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

MAX_LENGTH: Final = 4096
"""The longest formula, in characters."""
MAX_SYMBOLS: Final = 1000
"""The most numbers, names, operators, commas and parentheses of a formula."""
MAX_DEPTH: Final = 50
"""The most parentheses that are open at once."""


class BadFormula(ValueError):
    """The formula cannot be read. The message says at which character (from 1) and why."""


class FormulaFailed(ArithmeticError):
    """The formula has no finite value for these scores. The message says which operation failed."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or a function, which takes so many values and gives one."""

    symbol: str
    takes: int
    function: Callable[..., float]

    def result(self, operands: Sequence[float]) -> float:
        """Give the value for these operands. Raises FormulaFailed where it has no finite one."""
        try:
            value = self.function(*operands)
        except ZeroDivisionError:
            raise FormulaFailed(f"{self._written(operands)} divides by zero") from None
        except ValueError:
            raise FormulaFailed(f"{self._written(operands)} has no real value") from None
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise FormulaFailed(f"{self._written(operands)} is too large")
        return value

    def _written(self, operands: Sequence[float]) -> str:
        if self.symbol in FUNCTIONS:
            return f"{self.symbol}({', '.join(map(repr, operands))})"
        return f" {self.symbol} ".join(map(repr, operands))


Step = float | str | Operation
"""A number, the name whose value is meant, or an operation on the values of the steps before it."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula taken apart once, each operation behind its operands, and evaluated for every row."""

    steps: tuple[Step, ...]

    def evaluate(self, values: Mapping[str, float]) -> float:
        """Give the formula's value, always finite, for the scores under the names that it uses.

        Raises FormulaFailed where an operation has no finite value (a division by zero, a root of a
        negative number, a result beyond a float) and where a score is missing or not finite.
        """
        stack: list[float] = []
        for step in self.steps:
            if isinstance(step, Operation):
                operands = stack[-step.takes :]
                del stack[-step.takes :]
                stack.append(step.result(operands))
            else:
                stack.append(_score(step, values) if isinstance(step, str) else step)
        return stack.pop() + 0.0  # a score of -0.0 would read as a slip; this makes it 0.0


def _score(name: str, values: Mapping[str, float]) -> float:
    if name not in values:
        raise FormulaFailed(f"{name} has no score")
    score = float(values[name])
    if not math.isfinite(score):
        raise FormulaFailed(f"{name} is {score}, which is no finite number")
    return score


FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = {
    "abs": abs,
    "ceil": lambda value: float(math.ceil(value)),
    "exp": math.exp,
    "floor": lambda value: float(math.floor(value)),
    "log": math.log,  # natural: the contract names no base
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "sqrt": math.sqrt,
}
_OF_ANY_NUMBER = ("max", "min")
_SIGNS: Final[Mapping[type[ast.unaryop], Operation]] = {
    ast.UAdd: Operation("+", 1, operator.pos),
    ast.USub: Operation("-", 1, operator.neg),
}
_OPERATORS: Final[Mapping[type[ast.operator], Operation]] = {
    ast.Add: Operation("+", 2, operator.add),
    ast.Sub: Operation("-", 2, operator.sub),
    ast.Mult: Operation("*", 2, operator.mul),
    ast.Div: Operation("/", 2, operator.truediv),
    ast.Pow: Operation("^", 2, math.pow),  # Python's ** makes complex numbers of negative ones
}


def compile_formula(text: str, names: Collection[str]) -> Formula:
    """Take a formula apart; `names` are the keys that it may use, and need not use.

    A key that is no identifier cannot be used; a key that is also a function's name can, as long as
    no parenthesis follows. Raises BadFormula for a formula that is empty, broken, too long or too
    deep, uses a name, function or character that it cannot, or a number beyond a float.
    """
    if len(text) > MAX_LENGTH:
        raise BadFormula(f"it is {len(text)} characters long; a formula has at most {MAX_LENGTH}")
    symbols = _symbols(text)
    _check_words(symbols, names)
    _check_order(symbols)
    _check_parentheses(symbols)
    return Formula(_steps(symbols))


@dataclass(frozen=True, slots=True)
class _Symbol:
    kind: str
    text: str
    position: int

    def bad(self, reason: str) -> BadFormula:
        return _bad(self.position, reason)

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else _quoted(self.text)

    def as_python(self) -> str:
        """Values are all `x`: Python need not know them, and has reserved words that are keys here."""
        if self.kind in ("number", "name"):
            return "x"
        return "**" if self.text == "^" else self.text


def _bad(position: int, reason: str) -> BadFormula:
    return BadFormula(f"at character {position}: {reason}")


def _meaningless(sign: str) -> str:
    return f"{sign!r} has no meaning; a formula has numbers, names, + - * / ^ ( ) and commas"


_SYMBOL = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>[0-9.][0-9A-Za-z_.]*(?:(?<=[eE])[+-][0-9]+)?)"  # judged by _NUMBER
    r"|(?P<name>(?:[A-Za-z_]|[^\x00-\x7f\s])(?:[0-9A-Za-z_]|[^\x00-\x7f\s])*)"
    r"|(?P<operator>\*\*|[*/^])|(?P<sign>[+-])|(?P<open>\()|(?P<close>\))|(?P<comma>,)"
    r"|(?P<other>.)"
)
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _symbols(text: str) -> list[_Symbol]:
    """Give the symbols of a formula, and last its end."""
    symbols = [
        _Symbol(match.lastgroup or "", match.group(), match.start() + 1)
        for match in _SYMBOL.finditer(text)
        if match.lastgroup != "space"
    ]
    if not symbols:
        raise BadFormula("it is empty")
    if len(symbols) > MAX_SYMBOLS:
        raise BadFormula(f"it has {len(symbols)} symbols; a formula has at most {MAX_SYMBOLS}")
    return [*symbols, _Symbol("end", "", len(text) + 1)]


def _check_words(symbols: Sequence[_Symbol], names: Collection[str]) -> None:
    """Refuse what is no number, no key and no function."""
    for symbol, following in pairwise(symbols):
        if symbol.kind == "number":
            _check_number(symbol)
        elif symbol.kind == "name":
            _check_name(symbol, names, called=following.kind == "open")


def _check_name(symbol: _Symbol, names: Collection[str], *, called: bool) -> None:
    word = symbol.text
    stray = next((i for i in range(len(word)) if not word[: i + 1].isidentifier()), None)
    if stray is not None:  # pasted signs, as in `a × b`
        raise _bad(symbol.position + stray, _meaningless(word[stray]))
    if called and word not in FUNCTIONS:
        raise symbol.bad(f"unknown function {symbol}; there are {_listed(FUNCTIONS)}")
    if not called and word not in names:
        raise symbol.bad(f"unknown name {symbol}; there are {_listed(names)}")


def _check_number(symbol: _Symbol) -> None:
    if not _NUMBER.fullmatch(symbol.text):
        raise symbol.bad(f"{symbol} is no number; write 1000, 0.5 or 1e-3, and 2 * a for twice a")
    if not math.isfinite(float(symbol.text)):
        raise symbol.bad(f"{symbol} is beyond what a float can hold")


def _listed(words: Collection[str]) -> str:
    """A request decides how many names there are and how long, so not all are repeated."""
    usable = (word for word in words if word.isidentifier())
    shown = [word if len(word) <= 40 else f"{word[:40]}…" for word in islice(usable, 20)]
    more = ", …" if next(usable, None) is not None else ""
    return ", ".join(shown) + more if shown else "none that a formula can use"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


_BEFORE_A_VALUE = frozenset({"operator", "sign", "open", "comma"})
_OF_A_VALUE = frozenset({"number", "name", "sign", "open"})
_BEHIND_A_VALUE = frozenset({"operator", "sign", "close", "comma", "end"})


def _check_order(symbols: Sequence[_Symbol]) -> None:
    """Refuse a symbol that cannot follow the one before it: what is left, Python can read."""
    for before, symbol in pairwise([_Symbol("open", "", 0), *symbols]):
        if symbol.kind == "other":
            raise symbol.bad(_meaningless(symbol.text))
        if before.kind in _BEFORE_A_VALUE and symbol.kind not in _OF_A_VALUE:
            raise symbol.bad(f"a value is expected, not {symbol}")
        called = before.kind == "name" and symbol.kind == "open"
        if before.kind not in _BEFORE_A_VALUE and not called and symbol.kind not in _BEHIND_A_VALUE:
            raise symbol.bad(f"an operator is missing before {symbol}")


def _check_parentheses(symbols: Sequence[_Symbol]) -> None:
    """Refuse parentheses that do not pair, or lie too deep, and commas outside a function's."""
    opened: list[tuple[_Symbol, bool]] = []
    for before, symbol in pairwise([_Symbol("open", "", 0), *symbols]):
        if symbol.kind == "open":
            opened.append((symbol, before.kind == "name"))
        elif symbol.kind == "close":
            if not opened:
                raise symbol.bad("')' closes nothing")
            opened.pop()
        elif symbol.kind == "comma" and not (opened and opened[-1][1]):
            raise symbol.bad("a comma stands outside of a function's parentheses")
        if len(opened) > MAX_DEPTH:
            raise symbol.bad(f"more than {MAX_DEPTH} parentheses are open at once")
    if opened:
        raise opened[-1][0].bad("'(' is never closed")


def _steps(symbols: Sequence[_Symbol]) -> tuple[Step, ...]:
    """Give the steps in the order of evaluation, by Python's own precedence.

    The tree is walked without recursion: a sum of five hundred terms is as deep as it is long.
    """
    width = 3  # every symbol takes as many columns, so that a node's column leads to its symbol
    source = "".join(symbol.as_python().ljust(width) for symbol in symbols)
    steps: list[Step] = []
    pending: list[ast.expr] = [ast.parse(source, mode="eval").body]
    while pending:
        node = pending.pop()
        step, operands = _taken_apart(node, symbols[node.col_offset // width])
        steps.append(step)
        pending.extend(operands)
    return tuple(reversed(steps))


def _taken_apart(node: ast.expr, symbol: _Symbol) -> tuple[Step, list[ast.expr]]:
    """Give the step of a node that begins at the symbol, and its operands from left to right."""
    match node:
        case ast.BinOp(left, op, right):
            return _OPERATORS[type(op)], [left, right]
        case ast.UnaryOp(op, operand):
            return _SIGNS[type(op)], [operand]
        case ast.Call(args=arguments):
            if len(arguments) > 1 and symbol.text not in _OF_ANY_NUMBER:
                raise symbol.bad(f"{symbol.text} takes 1 value, not {len(arguments)}")
            return Operation(symbol.text, len(arguments), FUNCTIONS[symbol.text]), arguments
    return float(symbol.text) if symbol.kind == "number" else symbol.text, []
