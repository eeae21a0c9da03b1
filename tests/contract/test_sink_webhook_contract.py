"""The webhook sink keeps the contract of event sinks, against real HTTP servers: Standard Webhooks and Slack."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from busway.contracts.events import Event
from busway.contracts.settings import Secret
from busway.contracts.sinks import EventSink
from busway.testing.sinks import EventSinkContract, sample_event
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.sink import WebhookSink

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PATH = "/services/T0SECRET"
POISON = sample_event(950, entity_id="poison")


class Receiver:
    """Takes what it is posted, says what a receiver of its format says, and refuses poison."""

    def __init__(self, server: HTTPServer, format: Literal["standard", "slack"]) -> None:
        self.server = server
        self.format = format
        self.taken: list[str] = []
        self.sent: list[str] = []
        self.room: int | None = None
        self.late = 0.0
        server.expect_request(PATH, method="POST").respond_with_handler(self._take)

    def sink(self, url: str = "", timeout_seconds: float = 15.0) -> WebhookSink:
        return WebhookSink(
            WebhookSettings(
                url=Secret(url or self.server.url_for(PATH)),
                secret=Secret(KEY),
                format=self.format,
                timeout_seconds=timeout_seconds,
                allow_networks=("127.0.0.1/32",),
            )
        )

    def _take(self, request: Request) -> Response:
        threading.Event().wait(self.late)
        if self.room == 0:
            return Response("", 429, headers={"Retry-After": "7"})
        self.room = None if self.room is None else self.room - 1
        text = request.get_data(as_text=True)
        ids = self._ids(text)
        if POISON.event_id in ids:
            return Response("invalid_payload", 400)
        self.taken += ids
        self.sent += [text, *(f"{name}: {value}" for name, value in request.headers.items())]
        return Response("ok", 200)

    def _ids(self, text: str) -> list[str]:
        if self.format == "standard":
            return [event["event_id"] for event in json.loads(text)["data"]]
        return re.findall(r"event (0199f3c2-[0-9a-f-]{27})", text)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


class WebhookChecks(EventSinkContract):
    """What both formats have in common; not collected by itself."""

    format: Literal["standard", "slack"]

    @pytest.fixture
    def receiver(self, server: HTTPServer) -> Receiver:
        server.clear()
        return Receiver(server, self.format)

    @pytest.fixture
    def later(self) -> Iterator[Receiver]:
        """A receiver that is not there yet."""
        receiver = Receiver(HTTPServer(host="127.0.0.1", port=free_port()), self.format)
        yield receiver
        if receiver.server.is_running():
            receiver.server.stop()

    @pytest.fixture
    def sink(self, receiver: Receiver) -> Iterator[EventSink]:
        sink = receiver.sink()
        yield sink
        sink.close()

    @pytest.fixture
    def arrived(self, receiver: Receiver, later: Receiver) -> Callable[[], Iterable[str]]:
        return lambda: receiver.taken + later.taken

    @pytest.fixture
    def sent(self, receiver: Receiver) -> Callable[[], str]:
        return lambda: "\n".join(receiver.sent)

    @pytest.fixture
    def secrets(self) -> Iterable[str]:
        return (KEY, KEY.removeprefix("whsec_"), "T0SECRET")

    @pytest.fixture
    def build(self, receiver: Receiver) -> Callable[[], EventSink]:
        return receiver.sink

    @pytest.fixture
    def poison(self) -> Event:
        return POISON

    @pytest.fixture
    def partial_sink(self, receiver: Receiver) -> Iterator[EventSink]:
        receiver.room = 1
        sink = receiver.sink()
        yield sink
        sink.close()

    @pytest.fixture
    def partial_batch(self) -> list[Event]:
        return [sample_event(number, attributes={str(n): "x" * 1_500 for n in range(8)}) for number in range(1, 12)]

    @pytest.fixture
    def waiting_sink(self, receiver: Receiver) -> Iterator[EventSink]:
        receiver.room = 0
        sink = receiver.sink()
        yield sink
        sink.close()

    @pytest.fixture
    def unreachable_sink(self, receiver: Receiver, later: Receiver) -> Iterator[EventSink]:
        sink = receiver.sink(f"http://127.0.0.1:{later.server.port}{PATH}")
        yield sink
        sink.close()

    @pytest.fixture
    def recover(self, later: Receiver) -> Callable[[], object]:
        return later.server.start

    @pytest.fixture
    def hanging_sink(self, receiver: Receiver) -> Iterator[EventSink]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sink = receiver.sink(f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}", timeout_seconds=0.1)
            yield sink
            sink.close()

    @pytest.fixture
    def slow_sink(self, receiver: Receiver) -> Iterator[EventSink]:
        receiver.late = 0.05
        sink = receiver.sink()
        yield sink
        sink.close()

    @pytest.fixture
    def deliver_seconds(self) -> float:
        return 5.0


class TestWebhookSink(WebhookChecks):
    format = "standard"


class TestWebhookSinkForSlack(WebhookChecks):
    format = "slack"
