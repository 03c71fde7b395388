"""What the process answers to a message."""

import pickle
import threading
from typing import Any, NoReturn

import pytest

from evald.errors import GraderFailed
from evald.sandbox.computing import answer_to


class OddlyMade(Exception):
    """Cannot be made again from its message, as pickle would."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")


def answered(*asked: object) -> tuple[Any, Any]:
    result, error = pickle.loads(answer_to(pickle.dumps((asked[0], asked[1:]))))
    return result, error


def fail() -> NoReturn:
    raise GraderFailed("no_words", "The text has no words.")


def fail_oddly() -> NoReturn:
    raise OddlyMade(code=7)


def test_a_function_and_its_arguments_give_a_result() -> None:
    assert answered(divmod, 7, 2) == ((3, 1), None)


def test_a_grader_s_error_comes_back_with_its_code() -> None:
    _, error = answered(fail)

    assert (type(error), error.code, str(error)) == (
        GraderFailed,
        "no_words",
        "The text has no words.",
    )


def test_an_error_that_cannot_be_passed_on_is_named() -> None:
    _, error = answered(fail_oddly)

    assert repr(error) == "RuntimeError('An error that cannot be passed on: OddlyMade')"


@pytest.mark.parametrize("asked", [(threading.Lock,), (len,)])
def test_a_result_that_cannot_be_passed_on_and_wrong_arguments_are_errors(
    asked: tuple[object, ...],
) -> None:
    _, error = answered(*asked)

    assert isinstance(error, TypeError)


def test_a_message_that_cannot_be_read_is_an_error_and_no_end() -> None:
    _, error = pickle.loads(answer_to(b"no pickle"))

    assert isinstance(error, pickle.UnpicklingError)
