"""Logs: one line an event, a fixed message with facts in fields. No prompts, outputs or keys."""

import logging
import sys
from typing import Literal

import structlog

LogFormat = Literal["console", "json"]


def set_up_logs(level: str, form: LogFormat) -> None:
    """Send logs of this level and above to standard error, for people or as JSON."""
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)
