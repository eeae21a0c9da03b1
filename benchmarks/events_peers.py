"""The peers behind the face of ``events_pipelines.py``, each as its users have it.

A ``ToFile`` is the file sink that comes with the library, where there is one. A library is imported when its pipeline
is made.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from events_parts import Receive, ToFile, event, wait_until
from events_pipelines import Make, Pipeline, nothing

__all__ = ["PEERS", "opentelemetry", "queue_handler", "sentry"]


# ---- The standard library


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(record.__dict__["event"])


class Handler(logging.Handler):
    def __init__(self, receive: Receive) -> None:
        super().__init__()
        self._receive = receive

    def emit(self, record: logging.LogRecord) -> None:
        self._receive([record.__dict__["event"]])


def handler(receive: Receive) -> logging.Handler:
    made = logging.FileHandler(receive.path) if isinstance(receive, ToFile) else Handler(receive)
    made.setFormatter(JsonLines())
    return made


def logger_with(*handlers: logging.Handler) -> logging.Logger:
    logger = logging.getLogger("benchmark")
    logger.handlers[:] = handlers
    logger.propagate = False
    logger.setLevel(logging.INFO)
    return logger


def stdlib(home: Path, receivers: Sequence[Receive]) -> Pipeline:
    logger = logger_with(*map(handler, receivers))
    return Pipeline(lambda number: logger.info("event", extra={"event": event(number)}), nothing, nothing)


def queue_handler(home: Path, receivers: Sequence[Receive], size: int = 0) -> Pipeline:
    """As its documentation has it, unbounded; or with a bounded queue."""
    waiting: queue.Queue[Any] | queue.SimpleQueue[Any] = queue.Queue(size) if size else queue.SimpleQueue()
    listener = logging.handlers.QueueListener(waiting, *map(handler, receivers))
    listener.start()
    logger = logger_with(logging.handlers.QueueHandler(waiting))
    return Pipeline(
        lambda number: logger.info("event", extra={"event": event(number)}),
        lambda seconds: wait_until(waiting.empty, seconds),
        lambda _: stop(listener),
    )


def stop(listener: logging.handlers.QueueListener) -> None:
    """With a bounded queue that is full, ``stop()`` raises until there is room."""
    while True:
        try:
            return listener.stop()
        except queue.Full:
            time.sleep(0.01)


# ---- Others


def structlog_file(home: Path, receivers: Sequence[Receive]) -> Pipeline:
    import orjson
    import structlog

    (to,) = receivers
    assert isinstance(to, ToFile)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(file=to.path.open("ab")),
        cache_logger_on_first_use=True,
    )
    logger = structlog.get_logger()
    return Pipeline(lambda number: logger.info("event", **event(number)), nothing, nothing)


def loguru(home: Path, receivers: Sequence[Receive], *, enqueue: bool) -> Pipeline:
    from loguru import logger

    logger.remove()
    for receive in receivers:
        options: dict[str, Any] = {"enqueue": enqueue, "format": "{message}"}
        if isinstance(receive, ToFile):
            logger.add(receive.path, serialize=True, **options)
        else:
            logger.add(lambda message, receive=receive: receive([message.record["extra"]]), **options)
    return Pipeline(
        lambda number: logger.bind(**event(number)).info("event"),
        lambda _: logger.complete(),
        lambda _: logger.remove(),
    )


def opentelemetry(home: Path, receivers: Sequence[Receive], delay_ms: int = 1_000) -> Pipeline:
    """A log record for each event, and a batch processor for each receiver."""
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)

    class Exporter:
        def __init__(self, receive: Receive) -> None:
            self._receive = receive

        def export(self, batch: Sequence[Any]) -> Any:
            self._receive([one.log_record.attributes for one in batch])
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    provider = LoggerProvider()
    for receive in receivers:
        provider.add_log_record_processor(BatchLogRecordProcessor(Exporter(receive), schedule_delay_millis=delay_ms))
    logger = provider.get_logger("benchmark")

    def emit(number: int) -> None:
        logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body="event",
                event_name="sync.update",
                attributes=event(number),
            )
        )

    def settle(seconds: float) -> None:
        provider.force_flush(int(seconds * 1_000))

    def close(seconds: float) -> None:
        settle(seconds)
        provider.shutdown()

    return Pipeline(emit, settle, close)


def logfire(home: Path, receivers: Sequence[Receive]) -> Pipeline:
    import logfire as library
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Exporter(SpanExporter):  # type: ignore[misc]
        def export(self, spans: Sequence[Any]) -> Any:
            for receive in receivers:
                receive([one.attributes for one in spans])
            return SpanExportResult.SUCCESS

    library.configure(
        send_to_logfire=False,
        console=False,
        metrics=False,
        inspect_arguments=False,
        additional_span_processors=[BatchSpanProcessor(Exporter())],
    )
    return Pipeline(
        lambda number: library.info("event", **event(number)),
        lambda seconds: library.force_flush(int(seconds * 1_000)),
        lambda seconds: library.shutdown(int(seconds * 1_000), flush=True),
    )


def sentry(home: Path, receivers: Sequence[Receive], *, logs: bool, lost: list[int] | None = None) -> Pipeline:
    """Its batched logs, or a message for each event. What it says it dropped is added to ``lost``."""
    import sentry_sdk
    from sentry_sdk import logger
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.transport import HttpTransport

    class Handing(HttpTransport):  # type: ignore[misc]
        """With its own queue and thread, and no network."""

        def _send_envelope(self, envelope: Any) -> None:
            found = [(one.payload.json or {}) for one in envelope.items]
            told = [item for one in found for item in one.get("items", [one])]
            for receive in receivers if told else ():
                receive(told)

        def record_lost_event(
            self, reason: str, data_category: str | None = None, item: Any = None, *, quantity: int = 1
        ) -> None:
            if lost is not None and data_category != "log_byte":
                lost.append(quantity)

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=Handing,
        default_integrations=False,
        enable_logs=logs,
        integrations=[AtexitIntegration(callback=nothing)],
    )

    def message(number: int) -> None:
        with sentry_sdk.new_scope() as scope:
            scope.set_context("event", event(number))
            sentry_sdk.capture_message("event", level="info")

    told = (lambda number: logger.info("event", attributes=event(number))) if logs else message
    return Pipeline(told, sentry_sdk.flush, sentry_sdk.flush)


def apprise(home: Path, receivers: Sequence[Receive]) -> Pipeline:
    import apprise as library
    from apprise.decorators import notify

    logging.getLogger("apprise").setLevel(logging.ERROR)
    services = library.Apprise()
    for at, receive in enumerate(receivers):

        def take(body: str, *_: Any, receive: Receive = receive, **__: Any) -> bool:
            receive([json.loads(body)])
            return True

        notify(on=f"receiver{at}")(take)
        services.add(f"receiver{at}://")
    return Pipeline(lambda number: services.notify(title="event", body=json.dumps(event(number))), nothing, nothing)


PEERS: dict[str, Make] = {
    "stdlib logging, synchronous": stdlib,
    "stdlib QueueHandler": queue_handler,
    "structlog, JSON to a file": structlog_file,
    "loguru, serialize": partial(loguru, enqueue=False),
    "loguru, serialize, enqueue": partial(loguru, enqueue=True),
    "OpenTelemetry, batch": opentelemetry,
    "Sentry logs": partial(sentry, logs=True),
    "Sentry message": partial(sentry, logs=False),
    "logfire": logfire,
    "apprise": apprise,
}
"""None of them redacts but logfire."""
