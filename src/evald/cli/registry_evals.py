"""Evals of the registry on a server: looked for, made once, run."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final, Self

from evald.cli.running_server import RunningServer
from evald.contract.json_types import JsonObject, JsonValue
from evald.openai_registry.files import RegistryFiles
from evald.openai_registry.plan import Plan
from evald.openai_registry.specs import Unusable
from evald.rules.json_text import BadJson, dump_bytes, parse

REGISTRY: Final = "openai/evals"
PIECE: Final = 1024 * 1024
NO_MODEL: Final = "-"
"""What stands for the model of an eval whose rows have the answers."""


@dataclass(frozen=True)
class Imported:
    """An eval of the registry on the server."""

    id: str
    is_new: bool
    """Whether it was made now."""
    data_source: JsonObject
    """That of a run over all its rows, but for the model."""


class RegistryEvals:
    """What a server has of a registry.

    An eval is known again by its metadata: the registry, its version, the eval's name, and the judge.
    """

    def __init__(
        self, server: RunningServer, files: RegistryFiles, known: dict[str, JsonObject]
    ) -> None:
        """Take the server, the registry that rows are read from, and the evals that are there."""
        self._server = server
        self._files = files
        self._known = known

    @classmethod
    def on(cls, server: RunningServer, files: RegistryFiles) -> Self:
        """Ask a server what it has. Raises ServerFailed."""
        known = {}
        for each in server.objects("evals"):
            metadata = each.get("metadata")
            if isinstance(metadata, dict) and metadata.get("registry") == REGISTRY:
                known[_key_of(metadata)] = each
        return cls(server, files, known)

    def imported(self, plan: Plan, judge: str | None) -> Imported:
        """Give the eval of a plan, made with its file of rows unless it is there.

        Raises ServerFailed, Unusable.
        """
        key = self._key(plan, judge)
        found = self._known.get(_key_of(key))
        if found is not None:
            return Imported(str(found.get("id")), is_new=False, data_source=_kept(found))
        data_source = plan.data_source(self._uploaded(plan))
        made = self._server.post(self._body(plan, key, data_source), "evals")
        self._known[_key_of(key)] = made
        return Imported(str(made.get("id")), is_new=True, data_source=data_source)

    def run(self, plan: Plan, imported: Imported, model: str, limit: int | None) -> JsonObject:
        """Begin a run over the first rows, or all. Raises ServerFailed, Unusable."""
        body = self.run_body(plan, imported, model, limit)
        return self._server.post(body, "evals", imported.id, "runs")

    def run_body(self, plan: Plan, imported: Imported, model: str, limit: int | None) -> JsonObject:
        """Give what `POST /evals/{eval_id}/runs` takes. Raises Unusable."""
        data_source = dict(imported.data_source)
        if limit is not None:
            rows = list(plan.items(self._files, limit))
            data_source["source"] = {"type": "file_content", "content": [*rows]}
        if plan.messages is not None:
            data_source["model"] = model
        name = plan.name if plan.messages is None else f"{plan.name}, {model}"
        return {"name": name, "data_source": data_source}

    def _key(self, plan: Plan, judge: str | None) -> dict[str, str]:
        key = {
            "registry": REGISTRY,
            "registry_version": self._files.version,
            "registry_eval": plan.name,
        }
        return key | {"registry_judge": str(judge)} if plan.needs_judge else key

    def _body(self, plan: Plan, key: Mapping[str, str], data_source: JsonObject) -> JsonObject:
        metadata: JsonObject = {
            **key,
            "registry_class": plan.class_name,
            "registry_rows": str(plan.rows),
            "registry_run": json.dumps(data_source),
        }
        if plan.scores is not None:
            metadata["registry_scores"] = json.dumps(plan.scores, ensure_ascii=False)
        return {
            "name": plan.name,
            "metadata": metadata,
            "data_source_config": plan.eval_config(),
            "testing_criteria": [plan.criterion],
        }

    def _uploaded(self, plan: Plan) -> str:
        """Give the id of the file of all rows; one that an earlier import has left is taken again."""
        with TemporaryFile() as file:
            digest, size = _written(plan, self._files, file)
            name = re.sub(r"[^A-Za-z0-9._-]", "_", plan.name)[:200] + f".{digest[:16]}.jsonl"
            for each in self._server.objects("files", purpose="evals"):
                if (each.get("filename"), each.get("bytes")) == (name, size):
                    return str(each.get("id"))
            file.seek(0)
            return str(_sent(self._server, name, file, size).get("id"))


_KEYS: Final = ("registry", "registry_version", "registry_eval", "registry_judge")


def _key_of(metadata: Mapping[str, JsonValue]) -> str:
    return json.dumps([metadata.get(name) for name in _KEYS])


def _kept(found: JsonObject) -> JsonObject:
    match found:
        case {"metadata": {"registry_run": str(text)}}:
            kept = _value(text)
        case _:
            kept = None
    if not isinstance(kept, dict):
        raise Unusable(
            f"the metadata of {found.get('id')} no longer say how it is run; delete it and import it "
            "anew"
        )
    return kept


def _value(text: str) -> JsonValue:
    try:
        return parse(text.encode())
    except BadJson:
        return None


def _sent(server: RunningServer, name: str, file: IO[bytes], size: int) -> JsonObject:
    """Send a file of rows and give its object. `name` is plain ASCII. Raises ServerFailed."""
    boundary = "evald-rows-4d9b1f"
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nevals\r\n'
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "content-type": f"multipart/form-data; boundary={boundary}",
        "content-length": str(len(head) + size + len(tail)),
    }
    return server.send("files", _parts(head, file, tail), headers)


def _parts(head: bytes, file: IO[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    while piece := file.read(PIECE):
        yield piece
    yield tail


def _written(plan: Plan, files: RegistryFiles, file: IO[bytes]) -> tuple[str, int]:
    """Write all rows; give their digest and how many bytes they have. Raises Unusable."""
    digest, size = hashlib.sha256(), 0
    for row in plan.items(files):
        try:
            line = dump_bytes(row) + b"\n"
        except BadJson as error:
            raise Unusable(f"a row cannot be kept: {error}") from None
        digest.update(line)
        size += file.write(line)
    return digest.hexdigest(), size
