"""Replays the requests of real clients with the official SDK, in whichever version is installed."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import openai

from tests.contract.replay import Replay
from tests.server import Answer

SEGMENTS = re.compile(r"/(evals|runs|output_items)/([^/?]+)")
Call = Callable[[Any, Any, dict[str, str]], Any]


def _body(step: Any, *named: str) -> Any:
    """Give the arguments that the SDK knows by these names, and the rest as it came."""
    body = step["body"]
    return {**{name: body[name] for name in named}, "extra_body": body}


def _file(step: Any) -> Any:
    form = step["multipart"]
    file = (form["file"]["filename"], form["file"]["content"].encode())
    return {**form, "file": file}


CALLS: Final[dict[str, Call]] = {
    "evals.create": lambda client, step, _: client.evals.with_raw_response.create(
        **_body(step, "data_source_config", "testing_criteria")
    ),
    "evals.retrieve": lambda client, _, of: client.evals.with_raw_response.retrieve(of["evals"]),
    "evals.list": lambda client, step, _: client.evals.with_raw_response.list(
        extra_query=step["query"]
    ),
    "evals.delete": lambda client, _, of: client.evals.with_raw_response.delete(of["evals"]),
    "runs.create": lambda client, step, of: client.evals.runs.with_raw_response.create(
        of["evals"], **_body(step, "data_source")
    ),
    "runs.retrieve": lambda client, _, of: client.evals.runs.with_raw_response.retrieve(
        of["runs"], eval_id=of["evals"]
    ),
    "runs.list": lambda client, step, of: client.evals.runs.with_raw_response.list(
        of["evals"], extra_query=step["query"]
    ),
    "runs.cancel (nonstandard)": lambda client, _, of: client.evals.runs.with_raw_response.cancel(
        of["runs"], eval_id=of["evals"]
    ),
    "output_items.list": lambda client, step, of: (
        client.evals.runs.output_items.with_raw_response.list(
            of["runs"], eval_id=of["evals"], extra_query=step["query"]
        )
    ),
    "output_items.retrieve": lambda client, _, of: (
        client.evals.runs.output_items.with_raw_response.retrieve(
            of["output_items"], eval_id=of["evals"], run_id=of["runs"]
        )
    ),
    "files.create": lambda client, step, _: client.files.with_raw_response.create(**_file(step)),
    "chat.completions.create": lambda client, step, _: (
        client.chat.completions.with_raw_response.create(**_body(step, "model", "messages"))
    ),
    "chat.completions.list": lambda client, step, _: client.chat.completions.with_raw_response.list(
        extra_query=step["query"]
    ),
}


@dataclass
class SdkReplay(Replay):
    """One file of steps, each made by the SDK; its answers are what the SDK made of them."""

    client: openai.OpenAI | None = None

    def _send(self, step: Any) -> Answer:
        assert self.client is not None
        prefixed = step["path"].startswith("/v1/")
        base_url = self.server.base_url if prefixed else self.server.url
        client = self.client.with_options(
            base_url=base_url, default_headers={"x-litellm-model": "gpt-4o"}
        )
        try:
            raw = CALLS[step["op"]](client, step, dict(SEGMENTS.findall(step["path"])))
        except openai.APIStatusError as error:
            return Answer(error.status_code, {}, json.dumps({"error": error.body}).encode())
        read = raw.parse().to_dict(mode="json", warnings=False)
        return Answer(raw.http_response.status_code, {}, json.dumps(read).encode())
