"""Why evald has not what the published schema has: by schema, or by schema and field."""

from typing import Final

NO_CACHE_POINTS: Final = (
    "where a provider caches a prompt is not kept; the message is asked without it"
)

REASONS: Final[dict[str, str]] = {
    "EvalItem.type": "not read: every message is a `message`, and is shown as one",
    "EasyInputMessage.type": "not read: every message is a `message`, and is shown as one",
    "EasyInputMessage.phase": "not read: it belongs to answers that are sent back",
    "InputTextContent.prompt_cache_breakpoint": NO_CACHE_POINTS,
    "InputImageContent.prompt_cache_breakpoint": NO_CACHE_POINTS,
    "InputImageContent.file_id": "pictures come by `image_url`: providers have no files of ours",
    "InputFileContent": "a part of this kind is refused with the kinds that are known",
    "OpenAIFile.status = uploaded": "a file is processed when its upload is answered",
    "OpenAIFile.status = error": "a file with an error is refused, and not kept",
    "CreateFileRequest.expires_after": "taken as `expires_after[anchor]` and `expires_after[seconds]`",
}
