"""The OpenTelemetry sink keeps the contract of event sinks, against a receiver of OTLP."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator

import pytest
from pytest_httpserver import HTTPServer

from builders.otlp_receiver import OtlpReceiver
from busway.contracts.sinks import EventSink
from busway.testing import EventSinkContract
from busway_sink_otel.settings import OtelSettings
from busway_sink_otel.sink import OtelSink


def sink_for(url: str) -> OtelSink:
    return OtelSink(OtelSettings(endpoint=url), "people")


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


@pytest.fixture
def receiver(server: HTTPServer) -> OtlpReceiver:
    server.clear()
    return OtlpReceiver(server)


class TestOtelSink(EventSinkContract):
    @pytest.fixture
    def sink(self, receiver: OtlpReceiver) -> Iterator[EventSink]:
        sink = sink_for(receiver.url)
        yield sink
        sink.close()

    @pytest.fixture
    def arrived(self, receiver: OtlpReceiver) -> Callable[[], Iterable[str]]:
        return lambda: [
            one.value.string_value for log in receiver.logs for one in log.attributes if one.key == "busway.event.id"
        ]

    @pytest.fixture
    def waiting_sink(self, receiver: OtlpReceiver) -> Iterator[EventSink]:
        receiver.status = {"/v1/logs": 429, "/v1/traces": 429}
        receiver.retry_after = {"Retry-After": "7"}
        sink = sink_for(receiver.url)
        yield sink
        sink.close()

    @pytest.fixture
    def unreachable_sink(self) -> Iterator[EventSink]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        sink = sink_for(f"http://127.0.0.1:{port}")
        yield sink
        sink.close()
