"""An eval of the registry as one of ours: criteria, rows, and how a run asks the model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from evald.contract.json_types import JsonObject
from evald.openai_registry.files import RegistryFiles
from evald.openai_registry.rows import CHAT, object_schema, rows_of, schema_of
from evald.openai_registry.specs import Unusable

ADDED: Final = "evald"
"""The key of an item under which stands what the import has added to a row of the registry."""
MESSAGES: Final = f"item.{ADDED}.messages"
ADDED_MESSAGES: Final[JsonObject] = {ADDED: object_schema({"messages": schema_of({CHAT})})}
"""The JSON schema of an item whose messages are not the registry's `input` as it is."""
ANSWER: Final = "{{ sample.output_text }}"

ToItem = Callable[[JsonObject], JsonObject]


@dataclass(frozen=True)
class Plan:
    """What becomes of an eval of the registry."""

    name: str
    class_name: str
    data: str
    """The file of its rows, in the registry's folder of data."""
    rows: int
    criterion: JsonObject
    item_properties: JsonObject
    """The JSON schemas of the keys that every item has."""
    to_item: ToItem
    """Makes an item of a row."""
    messages: str | None
    """The place of the messages in an item; None for an eval whose rows bring the answers."""
    sampling_params: JsonObject = field(default_factory=dict)
    needs_judge: bool = False
    scores: JsonObject | None = None
    """What the registry counts each label; our verdict knows pass and fail alone."""

    @property
    def kind(self) -> str:
        """Give the type of the criterion."""
        return str(self.criterion["type"])

    def items(self, files: RegistryFiles, limit: int | None = None) -> Iterator[JsonObject]:
        """Give the rows as ours, at most `limit` of them. Raises Unusable."""
        for _, row in islice(rows_of(files, self.data), limit):
            yield {"item": self.to_item(row)}

    def eval_config(self) -> JsonObject:
        """Give the `data_source_config` of the eval."""
        return {
            "type": "custom",
            "item_schema": object_schema(self.item_properties),
            "include_sample_schema": self.messages is not None,
        }

    def data_source(self, file_id: str) -> JsonObject:
        """Give the data source of a run over an uploaded file; its model is not in it yet."""
        source: JsonObject = {"type": "file_id", "id": file_id}
        if self.messages is None:
            return {"type": "jsonl", "source": source}
        reference: JsonObject = {"type": "item_reference", "item_reference": self.messages}
        asked: JsonObject = {"type": "completions", "source": source, "input_messages": reference}
        return {**asked, "sampling_params": self.sampling_params} if self.sampling_params else asked


def with_added(row: JsonObject, **added: object) -> JsonObject:
    """Give a row as an item, with what the import adds beside what is in it."""
    return {**row, ADDED: added} if added else row  # type: ignore[dict-item]


def refuse_added(row: JsonObject) -> None:
    """See that a row leaves room for what the import adds. Raises Unusable."""
    if ADDED in row:
        raise Unusable(f"a row has the key '{ADDED}', which the import needs")


def python(name: str, source: str) -> JsonObject:
    """Give a criterion that is a program; a row passes with 1."""
    return {"type": "python", "name": name, "source": source, "pass_threshold": 1.0}


def contains(name: str, reference: str) -> JsonObject:
    """Give a criterion that passes where the answer contains a text."""
    return {
        "type": "string_check",
        "name": name,
        "input": ANSWER,
        "reference": reference,
        "operation": "like",
    }


def label_model(
    name: str, judge: str, prompt: Sequence[JsonObject], labels: "Labels"
) -> JsonObject:
    """Give a criterion that asks a judge for one of these labels."""
    return {
        "type": "label_model",
        "name": name,
        "model": judge,
        "input": list(prompt),
        "labels": list(labels.all),
        "passing_labels": list(labels.passing),
        "sampling_params": {"temperature": 0},
    }


@dataclass(frozen=True)
class Labels:
    """What a judge may answer."""

    all: tuple[str, ...]
    passing: tuple[str, ...]
