"""Where the items of a run come from, and how they are sampled (contract section 5)."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from typing_extensions import TypedDict

from evald.contract.json_types import JsonObject, JsonValue, ParsedJson
from evald.contract.messages import Message, kept_message
from evald.contract.metadata import Metadata, ModelName, without_nul
from evald.contract.validation import RequestModel

Row = Annotated[
    ParsedJson,
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"item": {"type": "object"}, "sample": {"type": ["object", "null"]}},
            "required": ["item"],
        }
    ),
]
"""A row as it is documented; it is checked later, against the eval's schema."""


class FileContent(RequestModel):
    """Rows sent with the request. Their form is checked row by row, for a clear message."""

    type: Literal["file_content"]
    content: Annotated[list[Row], Field(json_schema_extra={"minItems": 1})]


class FileId(RequestModel):
    """Rows of an uploaded file, one JSON object a line."""

    type: Literal["file_id"]
    id: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(without_nul)]


UnixTime = Annotated[int, Field(ge=0, le=2**53)]


class StoredCompletionsSource(RequestModel):
    """Rows made of the stored chat completions that fit everything that is given."""

    type: Literal["stored_completions"]
    metadata: Metadata | None = None
    model: ModelName | None = None
    created_after: UnixTime | None = None
    created_before: UnixTime | None = None
    limit: Annotated[int, Field(ge=1)] | None = None


ShortText = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(without_nul)]
SomeTexts = Annotated[list[ShortText], Field(max_length=100)]
"""Texts of which one is enough; an empty list leaves nothing out."""


class StoredResponsesSource(RequestModel):
    """Rows made of the stored responses that fit everything that is given."""

    type: Literal["responses"]
    metadata: Metadata | None = None
    model: ModelName | None = None
    instructions_search: Annotated[str, Field(max_length=8192)] | None = None
    created_after: UnixTime | None = None
    created_before: UnixTime | None = None
    reasoning_effort: ShortText | None = None
    temperature: float | None = None
    top_p: float | None = None
    users: SomeTexts | None = None
    tools: SomeTexts | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    """Not in OpenAI's document, but sent in its cookbook (contract section 5.4)."""


LoggedFilter: TypeAlias = StoredCompletionsSource | StoredResponsesSource
"""Which of the stored answers are meant."""

Source: TypeAlias = Annotated[FileContent | FileId, Field(discriminator="type")]
LoggedSource: TypeAlias = Annotated[
    FileContent | FileId | StoredCompletionsSource, Field(discriminator="type")
]
LoggedResponses: TypeAlias = Annotated[
    FileContent | FileId | StoredResponsesSource, Field(discriminator="type")
]


class MessageTemplate(RequestModel):
    """Messages with places that each row fills in."""

    type: Literal["template"]
    template: Annotated[list[Message], Field(min_length=1, max_length=1000)]


class ItemReference(RequestModel):
    """A place in the row that holds the messages, such as `item.input`."""

    type: Literal["item_reference"]
    item_reference: Annotated[str, Field(min_length=1, max_length=1024)]


InputMessages: TypeAlias = Annotated[MessageTemplate | ItemReference, Field(discriminator="type")]


class JsonlSource(RequestModel):
    """Rows that bring their own samples, or need none."""

    type: Literal["jsonl"]
    source: Source


class CompletionsSource(RequestModel):
    """Rows that are sampled by chat completions."""

    type: Literal["completions"]
    source: LoggedSource
    input_messages: InputMessages | None = None
    model: ModelName | None = None
    sampling_params: dict[str, ParsedJson] | None = None


class OpenModel(RequestModel):
    """An object that is for the model's endpoint; of its keys only those named here are checked."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class Tool(OpenModel):
    """A tool: a function, or one that the endpoint has, of whatever type it knows."""

    type: str


class TextFormat(OpenModel):
    """The form of the text: `text`, `json_schema`, `json_object`."""

    type: str


class TextParams(OpenModel):
    """What is asked of the text."""

    format: TextFormat | None = None


class ResponsesParams(OpenModel):
    """The sampling params of a responses run (contract section 5.3); unknown ones are passed on."""

    reasoning_effort: str | None = None
    tools: Annotated[list[Tool], Field(max_length=1000)] | None = None
    text: TextParams | None = None


class ResponsesSource(RequestModel):
    """Rows that are sampled by responses."""

    type: Literal["responses"]
    source: LoggedResponses
    input_messages: InputMessages | None = None
    model: ModelName | None = None
    sampling_params: ResponsesParams | None = None


SampledSource: TypeAlias = CompletionsSource | ResponsesSource
DataSource: TypeAlias = Annotated[
    JsonlSource | CompletionsSource | ResponsesSource, Field(discriminator="type")
]


class NoContentObject(TypedDict):
    """Rows that are shown nowhere but in the output items."""

    type: Literal["file_content"]
    content: Annotated[list[JsonObject], Field(max_length=0)]


class RegradedSourceObject(TypedDict):
    """What a run over the samples of another one shows; which one that is stands in its `evald`."""

    type: Literal["jsonl"]
    source: NoContentObject


ShownDataSource: TypeAlias = DataSource | RegradedSourceObject
"""A data source as its run is answered with it."""


def sampling_params_of(source: SampledSource) -> JsonObject | None:
    """Give the sampling params as they were sent."""
    params = source.sampling_params
    if isinstance(params, ResponsesParams):
        sent: JsonObject = params.model_dump(exclude_unset=True)
        return sent
    return params


def kept_data_source(source: JsonlSource | SampledSource) -> JsonObject:
    """Give a data source as its run shows it: messages in their kept form, nulls where not given."""
    if isinstance(source, JsonlSource):
        return {"type": source.type, "source": _kept_source(source.source)}
    return {
        "type": source.type,
        "source": _kept_source(source.source),
        "input_messages": _kept_input_messages(source.input_messages),
        "model": source.model,
        "sampling_params": sampling_params_of(source),
    }


def without_rows(kept: JsonObject) -> JsonObject:
    """Give a kept data source without the rows that came with the request."""
    source = kept.get("source")
    if not isinstance(source, dict):
        return kept
    return {**kept, "source": {key: value for key, value in source.items() if key != "content"}}


def _kept_source(source: FileContent | FileId | LoggedFilter) -> JsonObject:
    if isinstance(source, FileContent):
        return {"type": source.type, "content": source.content}
    kept: JsonObject = source.model_dump()
    return kept


def _kept_input_messages(messages: MessageTemplate | ItemReference | None) -> JsonObject | None:
    match messages:
        case MessageTemplate():
            template: list[JsonValue] = [kept_message(message) for message in messages.template]
            return {"type": messages.type, "template": template}
        case ItemReference():
            return {"type": messages.type, "item_reference": messages.item_reference}
    return None
