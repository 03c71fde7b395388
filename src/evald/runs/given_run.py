"""The body of a request for a run, read where it holds up nobody."""

import asyncio
from typing import Final

from evald.contract.data_source_configs import item_schema_of
from evald.contract.evals import Eval
from evald.errors import ProcessDied, TooLarge
from evald.runs.given import READ_HERE, GivenRun, read_run
from evald.runs.tools import SharedAside

READ_WITHIN: Final = 120
"""Seconds for a large request, waiting for others included."""


async def given_run(of_eval: Eval, text: bytes, aside: SharedAside) -> GivenRun:
    """Give the run that a body asks for, a large one read `aside`.

    Raises BadRequest, and TooLarge for what takes too long or too much memory.
    """
    item_schema = item_schema_of(of_eval.data_source_config)
    if len(text) <= READ_HERE:
        return await asyncio.to_thread(read_run, text, item_schema)
    try:
        async with asyncio.timeout(READ_WITHIN):
            return await aside(of_eval.id, read_run, text, item_schema)
    except (TimeoutError, ProcessDied):
        # Not an error of the server's: clients would send the same again and again.
        raise TooLarge(
            f"The rows of this request could not be read within {READ_WITHIN} s and the memory of "
            "this machine. Upload them as a file, and refer to it by its id.",
            param="data_source.source",
            code="request_too_large",
        ) from None
