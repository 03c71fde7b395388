"""Whatever bytes a sandbox sends: an answer, or none, and never anything else."""

import asyncio
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.sandbox.answers import Answer, BadAnswer, executed, read_answer
from evald.sandbox.backend import Limits
from evald.sandbox.zygote import ANSWER, ENDED, OUTCOME_LIMIT, OUTPUT_LIMIT, TIMED_OUT

SCORED = Answer(ENDED, False, 0, 0.25, b'{"score":0.5}', 0, b"")


async def read(sent: bytes) -> Answer:
    stream = asyncio.StreamReader()
    stream.feed_data(sent)
    stream.feed_eof()
    return await read_answer(stream)


def packed(kind: bytes, length: int, printed: int, seconds: float = 0.1) -> bytes:
    return ANSWER.pack(kind, False, 0, seconds, length, printed)


async def test_an_answer_is_read_with_its_outcome_and_what_was_printed() -> None:
    sent = packed(ENDED, 2, 70_000) + b"{}" + b"x" * OUTPUT_LIMIT + b"the next"

    answer = await read(sent)

    assert answer == Answer(ENDED, False, 0, 0.1, b"{}", 70_000, b"x" * OUTPUT_LIMIT)


@pytest.mark.parametrize(
    "head",
    [
        packed(b"?", 0, 0),
        packed(ENDED, OUTCOME_LIMIT + 1, 0),
        packed(ENDED, 0, 0, math.nan),
        packed(ENDED, 0, 0, math.inf),
    ],
    ids=["kind", "length", "nan", "infinite"],
)
async def test_a_head_that_cannot_be_is_no_answer(head: bytes) -> None:
    with pytest.raises(BadAnswer):
        await read(head + b" " * 100_000)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(sent: bytes) -> None:
    try:
        answer = asyncio.run(read(sent))
    except (BadAnswer, asyncio.IncompleteReadError):
        return
    executed(answer, Limits())


def test_a_score_is_given_with_what_was_printed() -> None:
    result = executed(replace(SCORED, printed=3, output=b"hi\n"), Limits())

    assert (result.score, result.error_code, result.output, result.seconds) == (
        0.5,
        None,
        "hi\n",
        0.25,
    )


@pytest.mark.parametrize(
    "outcome",
    [
        b"",
        b"{",
        b"0.5",
        b'{"score":NaN}',
        b'{"score":1e999}',
        b'{"score":true}',
        b'{"score":"1"}',
        b'{"score":null}',
        b'{"code":"python_time_limit","message":"","traceback":null}',
        b'{"code":"python_exception","message":"","traceback":7}',
        b'{"code":"python_exception","message":[],"traceback":null}',
        b'{"code":[],"message":"","traceback":null}',
        b'{"code":"python_exception"}',
        b"[" * 60_000,
        b'{"score":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"score":"\\ud800"}',
        b"\xff" * 100,
    ],
)
def test_an_outcome_that_no_row_of_ours_writes_is_one_that_died(outcome: bytes) -> None:
    result = executed(replace(SCORED, outcome=outcome), Limits())

    assert (result.score, result.error_code) == (None, "python_died")


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_whatever_is_written_for_an_outcome_gives_a_finite_score_or_an_error(
    written: bytes,
) -> None:
    result = executed(replace(SCORED, outcome=written), Limits())

    assert (result.score is None) == (result.error_code is not None)
    assert result.score is None or math.isfinite(result.score)


def test_a_process_that_was_killed_after_it_wrote_a_score_has_none() -> None:
    assert executed(replace(SCORED, exit_code=-11), Limits()).error_code == "python_died"
    assert executed(replace(SCORED, kind=TIMED_OUT), Limits()).error_code == "python_time_limit"


def test_more_output_than_is_kept_says_so() -> None:
    result = executed(replace(SCORED, printed=1_000_000, output=b"\xff" * OUTPUT_LIMIT), Limits())

    assert result.output.endswith("\n[1,000,000 bytes were printed; the first are kept]")
    assert len(result.output.encode()) < 4 * OUTPUT_LIMIT
