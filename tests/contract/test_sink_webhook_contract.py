"""The webhook sink keeps the contract of event sinks, against a real HTTP server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator

import pytest
from pytest_httpserver import HTTPServer

from busway.contracts.settings import Secret
from busway.contracts.sinks import EventSink
from busway.testing.sinks import EventSinkContract
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.sink import WebhookSink


def sink_for(url: str) -> WebhookSink:
    return WebhookSink(WebhookSettings(url=Secret(url), allow_networks=("127.0.0.1/32",)))


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


@pytest.fixture
def receiver(server: HTTPServer) -> HTTPServer:
    server.clear()
    return server


class TestWebhookSink(EventSinkContract):
    @pytest.fixture
    def sink(self, receiver: HTTPServer) -> Iterator[EventSink]:
        receiver.expect_request("/hook").respond_with_data("", 204)
        sink = sink_for(receiver.url_for("/hook"))
        yield sink
        sink.close()

    @pytest.fixture
    def arrived(self, receiver: HTTPServer) -> Callable[[], Iterable[str]]:
        return lambda: [event["event_id"] for request, _ in receiver.log for event in request.get_json()["data"]]

    @pytest.fixture
    def waiting_sink(self, receiver: HTTPServer) -> Iterator[EventSink]:
        receiver.expect_request("/busy").respond_with_data("", 429, headers={"Retry-After": "7"})
        sink = sink_for(receiver.url_for("/busy"))
        yield sink
        sink.close()

    @pytest.fixture
    def unreachable_sink(self) -> Iterator[EventSink]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        sink = sink_for(f"http://127.0.0.1:{port}/")
        yield sink
        sink.close()
