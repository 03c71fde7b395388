"""Replays the requests of real clients with the SDK for Node."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.contract.replay import Replay
from tests.node.sdk import NodeSdk
from tests.server import Answer

PREFIX = re.compile(r"^/v1(?=/)")
HEADERS = {"x-litellm-model": "gpt-4o"}


@dataclass
class NodeReplay(Replay):
    """One file of steps, each made by the SDK; its answers are what the SDK gave."""

    node: NodeSdk | None = None

    def _send(self, step: Any) -> Answer:
        assert self.node is not None
        found = PREFIX.match(step["path"])
        called = self.node.call(
            self.server.url + (found.group() if found else ""),
            step["op"].removesuffix(" (nonstandard)"),
            step["path"],
            query=deep(step.get("query") or {}),
            body=step.get("body"),
            form=step.get("multipart"),
            headers=HEADERS,
        )
        answer = Answer(called.status, {}, json.dumps(called.read).encode())
        return (
            answer if called.status >= 400 else self._checked(step["method"], step["path"], answer)
        )


def deep(query: dict[str, Any]) -> dict[str, Any]:
    """Give a query as the SDK takes it: `metadata[key]` as a key of `metadata`."""
    given: dict[str, Any] = {}
    for name, value in query.items():
        outer, _, inner = name.removesuffix("]").partition("[")
        if inner:
            given.setdefault(outer, {})[inner] = value
        else:
            given[name] = value
    return given
