"""Logs: one line an event, a fixed message with facts in fields. No prompts, outputs or keys.

What libraries say through `logging` comes out in the same form, warnings and errors alone.
"""

import logging
import sys
from contextlib import suppress
from typing import Literal, TextIO, cast

import structlog

LogFormat = Literal["console", "json"]


def set_up_logs(level: str, form: LogFormat) -> None:
    """Send logs of this level and above to standard error, for people or as JSON."""
    number = logging.getLevelNamesMapping()[level.upper()]
    stamps: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _renderer(form),
    ]
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[*stamps, *rendering],
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing())),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*stamps, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler])
    logging.captureWarnings(capture=True)


class _Unfailing:
    """Standard error, but what cannot be written is lost: a full disk does not fail a run."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def _renderer(form: LogFormat) -> structlog.typing.Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        # The other one shows local variables, and they hold prompts.
        exception_formatter=structlog.dev.plain_traceback,
    )
