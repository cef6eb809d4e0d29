"""What do the processes write about themselves? One JSON line an event, on standard error, without secrets or paths.

Paths, names and metadata of footage never stand here: they name officers and cameras. The custody log holds who did
what to which footage; this log holds how the machine fares.
"""

from __future__ import annotations

import logging
import sys

import structlog

from lapel.base.errors import LapelError


def begin(process: str, level: str) -> None:
    """Set up the log of this process."""
    threshold = getattr(logging, level.upper(), logging.INFO)
    logging.basicConfig(stream=sys.stderr, level=max(threshold, logging.WARNING), format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(process=process)


def alarm(fault: LapelError) -> None:
    """Something disagrees with the evidence: a person must look."""
    structlog.get_logger().critical("evidence fault", says=fault.says, next_step=fault.next_step)


def ended(error: LapelError) -> None:
    """The process ends for this reason."""
    structlog.get_logger().error("ended", code=error.code, says=error.says, next_step=error.next_step)
