"""Two projects on one server, and all the objects that a project can have."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from tests.capture.asking import request
from tests.dashboard.forms import share
from tests.runs.making import (
    asked,
    create_eval,
    create_run,
    get_final,
    items_of,
    rows,
    sampled,
    upload,
)
from tests.server import EvaldServer
from tests.webhooks.hooking import create_endpoint

NOWHERE = "http://127.0.0.1:9/hook"
_numbers = count()


@dataclass(frozen=True)
class Objects:
    """The ids of one object of each kind, by the names that they have in the paths of the API."""

    eval_id: str
    run_id: str
    output_item_id: str
    file_id: str
    completion_id: str
    webhook_endpoint_id: str
    response_id: str
    share_id: str

    @property
    def by_name(self) -> dict[str, str]:
        """Give the ids by the names of path parameters."""
        return dict(vars(self))


UNKNOWN = Objects(
    eval_id="eval_" + "0" * 32,
    run_id="evalrun_" + "0" * 32,
    output_item_id="outputitem_" + "0" * 32,
    file_id="file-" + "0" * 32,
    completion_id="chatcmpl-" + "0" * 32,
    webhook_endpoint_id="whe_" + "0" * 32,
    response_id="resp_" + "0" * 32,
    share_id="0" * 32,
)


@dataclass
class TwoProjects:
    """A server as nobody asks it, and as the programs of two projects do."""

    nobody: EvaldServer
    first_key: str
    second_key: str
    made: dict[str, Objects] = field(default_factory=dict)

    @cached_property
    def first(self) -> EvaldServer:
        return self.nobody.with_key(self.first_key)

    @cached_property
    def second(self) -> EvaldServer:
        return self.nobody.with_key(self.second_key)

    @cached_property
    def of_first(self) -> Objects:
        return make_objects(self.first)

    @cached_property
    def of_second(self) -> Objects:
        return make_objects(self.second)


def make_objects(server: EvaldServer) -> Objects:
    """Make one object of each kind in the project of a program."""
    eval_id = create_eval(server)
    run = get_final(server, create_run(server, eval_id, sampled(rows(2))))
    assert run["status"] == "completed"
    return Objects(
        eval_id=eval_id,
        run_id=run["id"],
        output_item_id=items_of(server, run)[0]["id"],
        file_id=upload(server, rows(1)),
        completion_id=store_completion(server),
        # No run fails here, so that nothing is on its way there.
        webhook_endpoint_id=create_endpoint(server, NOWHERE, ["eval.run.failed"])["id"],
        response_id=store_response(server),
        share_id=share(server, run).id,
    )


def store_completion(server: EvaldServer, **metadata: str) -> str:
    """Have a chat completion pass through and be kept, and give its id."""
    mark = {**metadata, "mark": str(next(_numbers))}
    asked(server, "POST", "/v1/chat/completions", request(store=True, metadata=mark))
    found = asked(server, "GET", f"/v1/chat/completions?metadata[mark]={mark['mark']}")
    completion_id: str = found["data"][0]["id"]
    return completion_id


def store_response(server: EvaldServer, **also: object) -> str:
    """Have a response pass through and be kept, and give its id."""
    body = {"model": "scripted", "input": "Say hi.", **also}
    response_id: str = asked(server, "POST", "/v1/responses", body)["id"]
    return response_id


def logged(completion_id: str, text: str = "4") -> bytes:
    """Give a line of a log from elsewhere."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    body = {"id": completion_id, "created": 1_700_000_000, "choices": [choice], "messages": []}
    return json.dumps(body).encode() + b"\n"
