"""How the Responses API is spoken: what is sent, and how its answer is read."""

import aiohttp

from evald.contract.json_types import JsonObject
from evald.sampling.call import LARGEST_ANSWER, Wire, broken_off, too_large
from evald.sampling.deadline import Deadline
from evald.sampling.response_stream import ResponseEvents, whole_response
from evald.sampling.stream import BrokenStream, EventLines


async def _read_stream(response: aiohttp.ClientResponse, deadline: Deadline) -> JsonObject:
    lines, events, size = EventLines(), ResponseEvents(), 0
    while received := await response.content.readany():
        size += len(received)
        if size > LARGEST_ANSWER:
            raise too_large()
        for payload in lines.feed(received):
            if payload == b"[DONE]":  # not of this API, but some endpoints end every stream so
                raise BrokenStream("a stream without its last event")
            if payload and (sample := events.add(payload)) is not None:
                return sample
        deadline.first_byte_came()
    raise broken_off()


RESPONSES = Wire(
    path="/responses",
    # Usage is always in the last event.
    stream_keys={"with usage": {"stream": True}, "plain": {"stream": True}, "off": {}},
    read_stream=_read_stream,
    read_whole=whole_response,
)
