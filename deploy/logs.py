"""Logging: structured, on standard error; in colour for people, as JSON for machines."""

import io
import logging
import sys
from typing import TextIO, cast

import structlog

from .settings import Settings

_LIBRARIES = ("faust", "mode", "aiokafka", "kafka", "asyncio")
# Errors to a library, but an answer to us: what follows from them we say ourselves.
_SAID_BY_US = ("Unable connect to", "Unexpected error during InitProducerIdRequest")


class _StandardError(io.TextIOBase):
    """Whatever standard error is when something is written: a live display takes its place for a while."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logs(settings: Settings, *, quiet: bool = False) -> None:
    """Set up structlog, and let the libraries' warnings through the same output.

    Args:
        settings: Say what is logged, and in which form.
        quiet: Log nothing below a warning unless the settings ask for it: for commands that talk to a person.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    if quiet and "log_level" not in settings.model_fields_set:
        level = logging.WARNING
    output = cast("TextIO", _StandardError())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        renderer: list[structlog.types.Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    else:
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(output),
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer]
        )
    )
    handler.addFilter(lambda record: not record.getMessage().startswith(_SAID_BY_US))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
