"""The OpenAPI document of the API, made of the routes and of the types that requests and answers have.

A route says by `described` what it takes and what it answers; its parameters are those of its function.
Nothing is made of it before the document is asked for, and nothing while a request is answered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import create_model

from evald.api.strict import HEADER as STRICT_HEADER
from evald.api.strict import StrictRoute
from evald.contract.pages import ErrorAnswer

Json: TypeAlias = dict[str, Any]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

ABOUT: Final = """\
The Evals API of OpenAI, served by evald. Answers are described in their live form, which has nulls \
that the published schema lacks; the strict form fits this description too. Every route is served \
under `/v1`, under `/` and under `/openai/v1`; only the first is listed."""


@dataclass(frozen=True)
class Body:
    """A body that is no JSON object of ours, or one of several media types."""

    media_type: str
    schema: Json


EVENTS: Final = Body("text/event-stream", {"type": "string"})
"""What is answered where a request asks for a stream."""


@dataclass(frozen=True)
class Description:
    """What a route takes and answers: types that pydantic can describe, or bodies of another kind."""

    answers: Any
    takes: Any = None
    """None where no body is read."""
    also_answers: Sequence[Body] = ()
    errors: Any = ErrorAnswer
    may_lack_body: bool = False
    """Whether a request may come without the body that it takes."""


_DESCRIPTIONS: Final[dict[Callable[..., Any], Description]] = {}


def described(
    answers: Any,
    takes: Any = None,
    also_answers: Sequence[Body] = (),
    errors: Any = ErrorAnswer,
    *,
    may_lack_body: bool = False,
) -> Callable[[Endpoint], Endpoint]:
    """Describe the function of a route, above the route itself; `Description` has the parts."""

    def describe(endpoint: Endpoint) -> Endpoint:
        description = Description(answers, takes, also_answers, errors, may_lack_body)
        _DESCRIPTIONS[endpoint] = description
        return endpoint

    return describe


class DescribedApp(FastAPI):
    """An application that gives its document as the routes describe themselves."""

    def openapi(self) -> Json:
        """Give the document; it is made when it is first asked for."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title, version=self.version, description=ABOUT, routes=self.routes
            )
            forms = _Forms()
            for route in iter_route_contexts(self.routes):
                for method in route.methods or ():
                    operation = document["paths"].get(route.path_format, {}).get(method.lower())
                    if operation is not None:
                        _describe(operation, route, forms)
            document["components"] = {"schemas": forms.named}
            self.openapi_schema = document
        return self.openapi_schema


class _Forms:
    """The JSON schema of every type that a route is described with, all made at once."""

    def __init__(self) -> None:
        kinds = {
            id(kind): kind
            for each in _DESCRIPTIONS.values()
            for kind in (each.answers, each.takes, each.errors)
            if kind is not None and not isinstance(kind, Body)
        }
        # As the fields of one object they share what they are made of, and its names.
        fields: Json = {f"k{number}": (kind, ...) for number, kind in kinds.items()}
        together = create_model("Together", **fields)
        schema = together.model_json_schema(ref_template="#/components/schemas/{model}")
        self.named: Json = dict(sorted(schema.pop("$defs").items()))
        self._properties = schema["properties"]

    def content(self, kind: Any) -> Json:
        """Give the `content` of a body of this kind."""
        if isinstance(kind, Body):
            return {kind.media_type: {"schema": kind.schema}}
        form = {**self._properties[f"k{id(kind)}"]}
        form.pop("title", None)
        return {"application/json": {"schema": form}}


def _describe(operation: Json, route: RouteContext, forms: _Forms) -> None:
    """Say what an operation takes and answers; one that was not described has no answers."""
    operation["responses"] = {}
    if isinstance(route.original_route, StrictRoute):
        operation.setdefault("parameters", []).append(_STRICT)
    description = _DESCRIPTIONS.get(route.endpoint) if route.endpoint else None
    if description is None:
        return
    if description.takes is not None:
        content = forms.content(description.takes)
        operation["requestBody"] = {"required": not description.may_lack_body, "content": content}
    answers = forms.content(description.answers)
    for also in description.also_answers:
        answers |= forms.content(also)
    errors = forms.content(description.errors)
    operation["responses"] = {
        str(route.status_code or 200): {"description": "Done", "content": answers},
        "4XX": {"description": "Refused; the message says why", "content": errors},
        "5XX": {"description": "The server or a model endpoint failed", "content": errors},
    }


_STRICT: Final[Json] = {
    "name": STRICT_HEADER,
    "in": "header",
    "required": False,
    "description": "Whether the answer is in its strict form, whatever the setting says.",
    "schema": {"type": "string", "enum": ["true", "false"]},
}
