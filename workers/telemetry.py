"""What is counted and how it is logged; every metric of Allo is here."""

import logging
import sys
from typing import Final, Literal

import structlog
from aiohttp import web
from prometheus_client import Counter, Gauge, Histogram

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

RECEIVED = Counter("allo_events_received_total", "Events taken at the edge, durable.", ["kind"])
REFUSED = Counter(
    "allo_requests_refused_total", "Requests refused at the edge.", ["kind", "status"]
)
HTTP_REFUSED = Counter(
    "allo_http_refused_total", "Answers of 400 and more, at any door.", ["door", "status"]
)
IGNORED = Counter(
    "allo_items_ignored_total", "Items understood and of no interest.", ["kind", "reason"]
)
SPOOLED = Counter(
    "allo_spool_kept_total",
    "Requests kept on the disk for platforms that do not come again.",
    ["kind"],
)
SPOOL_REQUESTS = Gauge("allo_spool_requests", "Requests that wait on this machine's disk.")
SPOOL_BYTES = Gauge("allo_spool_bytes", "Bytes that wait on this machine's disk.")
SPOOL_OLDEST = Gauge(
    "allo_spool_oldest_seconds", "How long the oldest request on the disk has waited."
)
SPOOL_DAMAGED = Counter("allo_spool_damaged_total", "Files of the spool that could not be read.")
CHANNEL_STATE = Gauge(
    "allo_channel_state",
    "1 for the state each channel is in: active, silent, paused, broken.",
    ["kind", "account", "state"],
)
POLL_ERRORS = Counter(
    "allo_poll_errors_total", "Polls that brought nothing, by what was wrong.", ["kind", "family"]
)
EDGE_BATCH = Histogram("allo_edge_batch_events", "Events published together.", buckets=_SIZES)
EDGE_PENDING = Gauge("allo_edge_pending_events", "Events waiting for the broker.")
ROUTED = Counter("allo_events_routed_total", "Events routed, by what they were.", ["outcome"])
ROUTE_BATCH = Histogram("allo_route_batch_events", "Events of one transaction.", buckets=_SIZES)
ROUTE_SECONDS = Histogram("allo_route_seconds", "One routing transaction.", buckets=_FAST)
ROUTE_LAG = Histogram("allo_route_lag_seconds", "From the edge to the commit.", buckets=_FAST)
RELAYED = Counter("allo_facts_relayed_total", "Facts published from the outbox.")
DELIVERED = Counter(
    "allo_replies_total", "Attempts to send a reply, by outcome.", ["kind", "outcome"]
)
TYPING = Counter(
    "allo_typing_total",
    "Times that a customer was to see us typing, by outcome.",
    ["kind", "outcome"],
)
FETCHED = Counter(
    "allo_files_fetched_total", "Files fetched from platforms, by outcome.", ["kind", "outcome"]
)
RECORDED = Counter("allo_facts_recorded_total", "Facts the recorder wrote.")
BURIED = Counter("allo_dead_letters_total", "Events put on the dead-letter desk.", ["stage"])
QUEUE_DEPTH = Gauge("allo_queue_depth", "Messages waiting in a queue of the broker.", ["queue"])


class EdgeCounts:
    """`connectors.webhook.Counts`."""

    def received(self, kind: str) -> None:
        """Counted by the edge, where all doors lead: not every channel has webhooks or polls."""

    def refused(self, kind: str, status: int) -> None:
        REFUSED.labels(kind, str(status)).inc()

    def ignored(self, kind: str, reason: str) -> None:
        IGNORED.labels(kind, reason).inc()


def set_up_logging(
    style: Literal["text", "json"],
    level: Literal["debug", "info", "warning", "error"] = "info",
) -> None:
    """One line per event on stderr; what libraries log goes the same way, from warnings on."""
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*processors, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=processors, processor=last)
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("aiohttp.server").addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    """A body that cannot be unpacked has had its 400; aiohttp would tell of each with a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], web.RequestPayloadError))
