"""Answers that take time: waits, slow streams, hangs and cuts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from tests.model_server.answer import Answer, answer_to
from tests.model_server.call import Call
from tests.model_server.script import Fault, Step

Hold = Callable[[], Awaitable[None]]


class Wire(Protocol):
    """What a step does to the connection."""

    async def send(self, data: bytes) -> None:
        """Write, and return when the client has taken enough of it."""

    def cut(self) -> None:
        """Close the connection without sending what is still in the buffer."""

    def close(self) -> None:
        """Close the connection after what is still in the buffer."""


async def play(call: Call, step: Step, number: int, hold: Hold, wire: Wire) -> None:
    """Do what the step says, in its order; return when nothing of it is left."""
    if step.hold == "before":
        await hold()
    if step.delay_ms:
        await asyncio.sleep(step.delay_ms / 1000)
    if step.fault is Fault.CUT_BEFORE:
        wire.cut()
        return
    if step.fault is Fault.HANG_BEFORE:
        await for_ever()
    answer = answer_to(call, step, number)
    if step.in_pieces:
        await send_in_pieces(answer, step, hold, wire)
    else:
        await wire.send(answer.joined())


async def send_in_pieces(answer: Answer, step: Step, hold: Hold, wire: Wire) -> None:
    """Send an answer piece by piece, with what is to happen between them."""
    await wire.send(answer.head)
    for position, piece in enumerate(answer.pieces):
        if position > 0:
            await asyncio.sleep(step.gap_ms / 1000)
        if position == answer.middle and step.hold == "within":
            await hold()
        if position == answer.middle and step.fault is Fault.CUT_WITHIN:
            wire.close()
            return
        if position == answer.middle and step.fault is Fault.HANG_WITHIN:
            await for_ever()
        await wire.send(piece)


async def for_ever() -> None:
    """Never return; the connection's end cancels it."""
    await asyncio.get_running_loop().create_future()
