"""The errors of evald, each named for the one who must act on it.

EvaldError
├── ApiError              the caller's request cannot be served; answered in OpenAI's error shape
│   ├── BadRequest        400  the request is wrong, and sending it again will not help
│   ├── Unauthorized      401  the request came without a key that is in force
│   ├── Forbidden         403  the request came from a place that may not send it
│   ├── NotFound          404  there is no such object
│   ├── Conflict          409  something else has the name that the request gives
│   ├── TooLarge          413  more bytes than this server takes
│   ├── UpstreamFailed    502  a model endpoint that the request needs did not answer
│   ├── Busy              503  the server does as much of this as it takes on
│   └── NotReady          503  the server is still at what the request needs; ask again in a moment
├── ModelUnavailable      a model call failed for good; its row becomes an errored item
├── GraderFailed          a grader broke on a row; its result is an error and never a score
├── ProcessDied           the process that computed something beside the server died over it
├── RunStopped            the run may not be written to any more (canceled, deleted, taken over)
├── NotBegun              the process leaves before the first call for a row was made: it is another's
├── KeyTaken              another request has made what this one is about to make
└── CannotStart           the server refuses to start, and says what to change
"""


class EvaldError(Exception):
    """The root of all errors that evald raises on purpose."""


class ApiError(EvaldError):
    """A request that is answered with an error (contract section 1.5)."""

    status = 400
    type = "invalid_request_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


class BadRequest(ApiError):
    """The request is wrong; nothing was changed."""


class Unauthorized(ApiError):
    """The request came without a key, or with one that is not in force."""

    status = 401


class Forbidden(ApiError):
    """The request came from another site's page, under a foreign host name, or for another project."""

    status = 403


class NotFound(ApiError):
    """There is no object of this id, or no such route."""

    status = 404


class Conflict(ApiError):
    """Something else has the name that the request gives; nothing was changed.

    It is answered with the advice not to try again, which SDKs do with a 409 otherwise.
    """

    status = 409


class TooLarge(ApiError):
    """The body is larger than this server takes; nothing was kept."""

    status = 413


class UpstreamFailed(ApiError):
    """A model endpoint that this request is passed on to gave no usable answer."""

    status = 502
    type = "upstream_error"


class Busy(ApiError):
    """The server does as much of what is asked for as it takes on; later there may be room."""

    status = 503
    type = "server_error"


class NotReady(ApiError):
    """The server is not yet done with what this request needs; it can be sent again in a moment."""

    status = 503
    type = "server_error"


class ModelUnavailable(EvaldError):
    """A model call failed, after its retries. `code` is a stable word, `message` the upstream's."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        latency: float | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        """The HTTP status of the endpoint's refusal, or None when it did not refuse."""
        self.latency = latency
        """Seconds of the last call, or None when none was made."""
        self.attempts = attempts
        """Calls made, all of them in vain."""


class GraderFailed(EvaldError):
    """A grader gave no verdict. `code` is a stable word for what broke."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)  # both, so that it can come from another process
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class ProcessDied(EvaldError):
    """What was to be computed beside the server was not. The message says how its process ended."""


class RunStopped(EvaldError):
    """The run is not in progress, or its chunk belongs to another worker: stop, save nothing."""


class NotBegun(EvaldError):
    """The process leaves and has made no call for this row: it is left to the next one."""


class KeyTaken(EvaldError):
    """A create under this idempotency key is saved already: save nothing, give its answer."""


class CannotStart(EvaldError):
    """The server cannot start as configured. The message says what to change."""
