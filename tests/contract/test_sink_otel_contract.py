"""The OpenTelemetry sink keeps the contract of event sinks, against a receiver of OTLP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from builders.otlp_receiver import OtlpReceiver
from busway.contracts.settings import Secret
from busway.contracts.sinks import EventSink
from busway.testing import EventSinkContract
from busway_sink_otel.settings import OtelSettings
from busway_sink_otel.sink import OtelSink

KEY = "synthetic-key-of-the-receiver"


def sink_for(url: str, timeout_seconds: float = 10.0) -> OtelSink:
    headers = Secret(f"authorization=Bearer%20{KEY}")
    return OtelSink(OtelSettings(endpoint=url, headers=headers, timeout_seconds=timeout_seconds), "people")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


@pytest.fixture
def receiver(server: HTTPServer) -> OtlpReceiver:
    server.clear()
    return OtlpReceiver(server)


@pytest.fixture
def later() -> Iterator[HTTPServer]:
    """A server that is not there yet."""
    server = HTTPServer(host="127.0.0.1", port=free_port())
    yield server
    if server.is_running():
        server.stop()


class TestOtelSink(EventSinkContract):
    @pytest.fixture
    def sink(self, receiver: OtlpReceiver) -> Iterator[EventSink]:
        sink = sink_for(receiver.url)
        yield sink
        sink.close()

    @pytest.fixture
    def back(self, later: HTTPServer) -> OtlpReceiver:
        return OtlpReceiver(later)

    @pytest.fixture
    def arrived(self, receiver: OtlpReceiver, back: OtlpReceiver) -> Callable[[], Iterable[str]]:
        return lambda: [
            one.value.string_value
            for log in [*receiver.logs, *back.logs]
            for one in log.attributes
            if one.key == "busway.event.id"
        ]

    @pytest.fixture
    def sent(self, receiver: OtlpReceiver) -> Callable[[], str]:
        return lambda: "\n".join(map(str, [*receiver.logs, *receiver.spans, *receiver.services]))

    @pytest.fixture
    def secrets(self) -> Iterable[str]:
        return (KEY,)

    @pytest.fixture
    def build(self, receiver: OtlpReceiver) -> Callable[[], EventSink]:
        return lambda: sink_for(receiver.url)

    @pytest.fixture
    def waiting_sink(self, receiver: OtlpReceiver) -> Iterator[EventSink]:
        receiver.status = {"/v1/logs": 429, "/v1/traces": 429}
        receiver.retry_after = {"Retry-After": "7"}
        sink = sink_for(receiver.url)
        yield sink
        sink.close()

    @pytest.fixture
    def unreachable_sink(self, later: HTTPServer) -> Iterator[EventSink]:
        sink = sink_for(f"http://127.0.0.1:{later.port}")
        yield sink
        sink.close()

    @pytest.fixture
    def recover(self, later: HTTPServer, back: OtlpReceiver) -> Callable[[], object]:
        return later.start

    @pytest.fixture
    def hanging_sink(self) -> Iterator[EventSink]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sink = sink_for(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=0.1)
            yield sink
            sink.close()

    @pytest.fixture
    def slow_sink(self, server: HTTPServer, receiver: OtlpReceiver) -> Iterator[EventSink]:
        def late(request: Request) -> Response:
            threading.Event().wait(0.05)
            return receiver._take_logs(request)

        server.clear()
        server.expect_request("/v1/logs", method="POST").respond_with_handler(late)
        sink = sink_for(receiver.url)
        yield sink
        sink.close()

    @pytest.fixture
    def deliver_seconds(self) -> float:
        return 5.0
