"""Results that are made to break their reader, and rows that end as none should: each is its own."""

import math
import re
from typing import Any

from tests.escapes.inside import results as inside
from tests.escapes.place import Place, Result, results, source_of

NO_NUMBER = "python_result"
RAISED = "python_exception"
DIED = "python_died"

RESULTS: dict[str, Result] = {
    "1": 1.0,
    "True": 1.0,
    "False": 0.0,
    "-0.0": 0.0,
    "5e-324": 5e-324,
    "1.7976931348623157e308": 1.7976931348623157e308,
    "1e400": NO_NUMBER,
    "-1e400": NO_NUMBER,
    "math.nan": NO_NUMBER,
    "-math.nan": NO_NUMBER,
    "math.inf": NO_NUMBER,
    "10 ** 308": 1e308,
    "10 ** 400": NO_NUMBER,
    "-(10 ** 5000)": NO_NUMBER,
    "1 << 10_000_000": NO_NUMBER,
    "2 ** 64 + 1": float(2**64),
    "None": NO_NUMBER,
    "'1.0'": NO_NUMBER,
    "b'1.0'": NO_NUMBER,
    "bytearray(8)": NO_NUMBER,
    "1j": NO_NUMBER,
    "[1.0]": NO_NUMBER,
    "{'score': 1.0}": NO_NUMBER,
    "nested(100_000)": NO_NUMBER,
    "'x' * (1 << 26)": NO_NUMBER,
    "__import__('decimal').Decimal('1')": NO_NUMBER,
    "__import__('fractions').Fraction(1)": NO_NUMBER,
    "Lies(0.25)": 0.25,
    "Lies('nan')": NO_NUMBER,
    "Lies('inf')": NO_NUMBER,
    "LyingInt(7)": 7.0,
    "LyingInt(10 ** 400)": NO_NUMBER,
    "Boils(0.25)": 0.25,
    "Floats()": NO_NUMBER,
    "Indexes()": NO_NUMBER,
    "Claims()": NO_NUMBER,
    "Nameless()": NO_NUMBER,
    "grade": NO_NUMBER,
    "float": NO_NUMBER,
    "iter([])": NO_NUMBER,
    "(_ for _ in ())": NO_NUMBER,
    "sys.stdout": NO_NUMBER,
    "sys.modules": NO_NUMBER,
    "type('x' * 100_000, (), {})()": NO_NUMBER,
    "type('\\ud800', (), {})()": RAISED,
    "type('\"}', (), {})()": NO_NUMBER,
}
ERRORS: dict[str, Result] = {
    "1 / 0": RAISED,
    "raises(Mute())": RAISED,
    "raises(Long())": RAISED,
    "raises(Other())": RAISED,
    "raises(KeyboardInterrupt())": RAISED,
    "raises(GeneratorExit())": RAISED,
    "raises(StopIteration())": RAISED,
    "raises(SystemExit('x' * (1 << 20)))": RAISED,
    "raises(NamelessError())": RAISED,
    "raises(Dies())": DIED,
    "raises(Endless())": RAISED,
    "raises(MemoryError())": "python_memory_limit",
    "raises(OSError(28, 'x'))": "python_scratch_limit",
    "raises(UnicodeDecodeError('\\x00', b'', 0, 0, '\\ud800'))": RAISED,
    "raises(SyntaxError('x' * 100_000, ('\\x00', -5, 1 << 40, 'x' * 100_000)))": RAISED,
    "chain(5_000)": RAISED,
    "ring()": RAISED,
    "group(5, 4)": RAISED,
    "group(200, 1)": RAISED,
    "group_in_a_ring()": RAISED,
    "deep(0)": RAISED,
    "deep_in_c()": DIED,
    "eval('(' * 50_000)": RAISED,
    "eval('-' * 500_000 + '1')": "python_memory_limit",
    "__import__('ast').literal_eval('-' * 500_000 + '1')": "python_memory_limit",
    "__import__('json').loads('[' * 1_000_000)": RAISED,
    "__import__('nothing_of_this_name')": RAISED,
}
ENDS: dict[str, Result] = {
    "sys.exit(0)": RAISED,
    "sys.exit('text')": RAISED,
    "os._exit(0)": DIED,
    "os._exit(1)": DIED,
    "os._exit(255)": DIED,
    "os._exit(1 << 31)": RAISED,
    "os.abort()": DIED,
    "os.kill(os.getpid(), signal.SIGKILL)": DIED,
    "os.kill(os.getpid(), signal.SIGSEGV)": DIED,
    "os.kill(os.getpid(), signal.SIGTERM)": DIED,
    "os.kill(os.getpid(), 64)": DIED,
    "signal.raise_signal(signal.SIGINT)": RAISED,
    "signal.alarm(1) or time.sleep(2)": DIED,
    "ctypes.string_at(0)": DIED,
    "machine_code('cd80c3')": DIED,  # int 0x80, the calls of 32-bit programs
    "machine_code('0f0b')": DIED,
    "machine_code('f4')": DIED,  # hlt, which only the kernel may
    "machine_code('b800f0ffffffd0')": DIED,
    "libc.syscall(231, 0)": DIED,
    "libc.syscall(60, 0)": DIED,
    "goes_on()": 0.25,
    "finalizer(0)": 0.25,
    "collected()": DIED,
    "patched('_numpy_numbers')": 0.25,
    "patched('_flush')": 0.25,
    "patched('_write')": 0.25,
    "prints('x' * 1000, 1000)": 0.25,
    "prints('\\x00\\x1b]0;title\\x07', 1000)": 0.25,
    "prints('\\ud800', 1)": RAISED,
    "to_both(200_000)": 0.25,
    "os.closerange(0, 1024) or 0.25": DIED,
    "sys.stdout.close() or 0.25": 0.25,
    "setattr(sys, 'stdout', None) or 0.25": 0.25,
    "os.write(1, bytes(range(256))) and 0.25": 0.25,
}
FORGED: dict[str, Result] = {
    "answers(b'{\"score\":0.75}')": 0.75,
    "answers(b'{\"score\":0.75}', 1)": DIED,
    "answers(b'')": DIED,
    "answers(b'null')": DIED,
    "answers(b'{\"score\":1}')": DIED,
    'answers(b\'{"score":"1.0"}\')': DIED,
    "answers(b'{\"score\":NaN}')": DIED,
    "answers(b'{\"score\":1e400}')": DIED,
    "answers(b'{\"score\":' + b'9' * 60_000 + b'}')": DIED,
    'answers(b\'{"score":0.5,"score":1e999}\')': DIED,
    "answers(b'[' * 60_000)": DIED,
    "answers(b'{\"a\":' * 10_000 + b'1' + b'}' * 10_000)": DIED,
    "answers(b'{\"score\":0.75}' * 2)": DIED,
    "answers(b'{\"score\":0.75}' + b' ' * 1_000_000)": 0.75,
    "answers(b'\\xff\\xfe')": DIED,
    "answers(b'\\x80\\x04cos\\nsystem\\n.')": DIED,
    'answers(b\'{"code":"python_time_limit","message":"","traceback":null}\')': DIED,
    'answers(b\'{"code":"python_unavailable","message":"","traceback":null}\')': DIED,
    'answers(b\'{"code":"python_result","message":7,"traceback":null}\')': DIED,
    'answers(b\'{"code":"python_result","message":"\\\\ud800","traceback":null}\')': DIED,
    'answers(b\'{"code":"python_result","message":"\\\\u0000","traceback":""}\')': NO_NUMBER,
}
HONEST = {"does": "0.125"}
MOST_TEXT = 70_000
"""What is kept of one row: what it printed and its traceback, with the words around them."""


def check_rows(place: Place, expected: dict[str, Result]) -> list[Any]:
    """Run the rows, an honest one after each, and check what became of them."""
    rows = [row for does in expected for row in ({"does": does}, HONEST)]
    items = place.run(source_of(inside), rows)
    found = results(items)
    odd = {
        does: (result, item["results"][0]["sample"])
        for does, result, item in zip(expected, found[::2], items[::2], strict=True)
        if result != expected[does]
    }
    assert odd == {}
    assert found[1::2] == [0.125] * len(expected)
    place.check()
    return items[::2]


def test_a_result_is_a_finite_number_or_an_error(place: Place) -> None:
    items = check_rows(place, RESULTS)

    scores = [item["results"][0]["score"] for item in items]
    assert all(type(score) is float and math.isfinite(score) for score in scores)


def test_an_error_of_any_make_is_the_rows_own_error(place: Place) -> None:
    items = check_rows(place, ERRORS)

    for item in items:
        sample = item["results"][0]["sample"]
        assert len(sample["error"]["message"]) <= 2_100
        assert len(sample["traceback"] or "") <= 8_000


def test_however_a_process_ends_the_next_row_goes_on(place: Place) -> None:
    items = check_rows(place, ENDS)

    for item in items:
        sample = item["results"][0]["sample"] or {"output": []}
        assert sum(len(each["content"]) for each in sample["output"]) <= MOST_TEXT


def test_an_answer_that_a_row_forges_is_its_own_and_is_checked(place: Place) -> None:
    items = check_rows(place, FORGED)

    assert not any(re.search("[\ud800-\udfff]", str(item)) for item in items)


def test_rows_of_any_size_and_form_are_read_whole(place: Place) -> None:
    rows: list[Any] = [
        {"does": "len(item['text']) / 1e7", "text": "x" * 10_000_000},
        {"does": "len(item) / 1e4", **{f"key {number}": number for number in range(9_999)}},
        {"does": "len(item['list']) / 1e6", "list": [0] * 1_000_000},
        {"does": "len(repr(item['deep'])) / 400", "deep": deep_list(200)},
        {"does": "item['text'] == '\\x00\\u2028\\U0001f600\"'", "text": '\x00\u2028\U0001f600"'},
        {"does": "item['number'] == 2 ** 63 - 1", "number": 2**63 - 1},
        HONEST,
    ]

    scores = results(place.run(source_of(inside), rows))

    assert scores == [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.125]
    place.check()


def deep_list(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value
