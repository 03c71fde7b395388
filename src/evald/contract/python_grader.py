"""The criterion that is a program (contract section 6.6)."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from evald.contract.metadata import Name
from evald.contract.validation import RequestModel

LARGEST_SOURCE: Final = 256 * 1024
"""Bytes; a source has less."""


def _small_enough(source: str) -> str:
    # Every character has a byte at least: a text that is far too long is not encoded to learn so.
    size = len(source)
    if size < LARGEST_SOURCE:
        size = len(source.encode(errors="surrogatepass"))
    if size >= LARGEST_SOURCE:
        raise ValueError(f"a source must have less than 256 kB, {LARGEST_SOURCE:,} bytes")
    return source


class PythonGrader(RequestModel):
    """A program of the user, with a function `grade(sample, item)` that gives the score.

    Whether it can be compiled is not looked at here (see `graders/python_source.py`).
    """

    type: Literal["python"]
    name: Name
    source: Annotated[str, AfterValidator(_small_enough)]
    image_tag: Annotated[str, Field(max_length=256)] | None = None
    """The image that the hosted API ran it in; it changes nothing here."""
    pass_threshold: float | None = None
