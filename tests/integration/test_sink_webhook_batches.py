"""How batches become requests: split by size, halved to find what a receiver does not take, repeated under their id."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.raw_http_server import RawHttpServer, answer
from busway.contracts.events import Event
from busway.contracts.settings import Secret
from busway.errors import UnreachableError
from busway.testing.sinks import sample_event, sample_events
from busway_sink_webhook.message import MAX_BODY_BYTES
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.sink import WebhookSink

TAKEN = answer("204 No Content")


def body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


def ids_in(request: bytes) -> list[str]:
    return [event["event_id"] for event in json.loads(body_of(request))["data"]]


def header_of(request: bytes, name: str) -> str:
    head = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return next((line.partition(": ")[2] for line in head if line.lower().startswith(name + ":")), "")


class Receiver:
    """Decides about each request by what is in it."""

    def __init__(self) -> None:
        self.judge: Callable[[bytes], bytes | None] = lambda request: TAKEN
        self.server = RawHttpServer(self._reply)
        self.url = ""

    def _reply(self, request: bytes) -> list[bytes]:
        said = self.judge(request)
        return [] if said is None else [said]

    @property
    def requests(self) -> list[bytes]:
        return self.server.requests


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.server as server:
        receiver.url = server.url
        yield receiver


@pytest.fixture
def sink(receiver: Receiver) -> Iterator[WebhookSink]:
    sink = WebhookSink(WebhookSettings(url=Secret(receiver.url), allow_networks=("127.0.0.1/32",)))
    yield sink
    sink.close()


def big(number: int) -> Event:
    return sample_event(number, attributes={"text": "x" * 9_000})


def ids(events: list[Event]) -> list[str]:
    return [event.event_id for event in events]


def test_a_batch_that_is_too_big_goes_in_several_requests_in_order(receiver: Receiver, sink: WebhookSink) -> None:
    events = [big(number) for number in range(1, 6)]
    assert sink.deliver(list(events)).delivered == set(ids(events))
    assert [len(ids_in(request)) for request in receiver.requests] == [2, 2, 1]
    assert [name for request in receiver.requests for name in ids_in(request)] == ids(events)
    assert all(len(body_of(request)) < MAX_BODY_BYTES for request in receiver.requests)


@pytest.mark.parametrize("second", [answer("503 Service Unavailable", b"", "retry-after: 7"), None])
def test_of_a_batch_in_several_requests_those_that_arrived_are_acknowledged(
    receiver: Receiver, sink: WebhookSink, second: bytes | None
) -> None:
    receiver.judge = lambda request: TAKEN if len(receiver.requests) == 1 else second
    events = [big(number) for number in range(1, 6)]
    delivery = sink.deliver(list(events))
    assert delivery.delivered == set(ids(events[:2]))
    assert not delivery.rejected
    assert delivery.retry_after_seconds == (7.0 if second else None)
    assert len(receiver.requests) == 2  # what comes after a failed request waits behind it: order is kept


def test_an_outage_at_the_first_request_is_told_as_one(receiver: Receiver, sink: WebhookSink) -> None:
    receiver.judge = lambda request: None
    with pytest.raises(UnreachableError):
        sink.deliver([big(number) for number in range(1, 6)])


@settings(max_examples=25, deadline=None)
@given(bad=st.sets(st.integers(1, 12), max_size=12), status=st.sampled_from([400, 413, 422]))
def test_halving_finds_exactly_the_events_that_are_not_taken(bad: set[int], status: int) -> None:
    receiver = Receiver()
    refused = {sample_event(number).event_id for number in bad}

    def judge(request: bytes) -> bytes:
        return answer(f"{status} No") if refused & {*ids_in(request)} else TAKEN

    receiver.judge = judge
    events = sample_events(12)
    with receiver.server as server:
        sink = WebhookSink(WebhookSettings(url=Secret(server.url), allow_networks=("127.0.0.1/32",)))
        delivery = sink.deliver(list(events))
        sink.close()
    assert delivery.rejected.keys() == refused
    assert delivery.delivered == set(ids(events)) - refused
    taken = [name for request in receiver.requests for name in ids_in(request) if not refused & {*ids_in(request)}]
    assert taken == [name for name in ids(events) if name not in refused]  # once each, and in order
    assert all(str(status) in reason for reason in delivery.rejected.values())


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_an_answer_about_where_or_who_is_not_searched_for_a_bad_event(
    receiver: Receiver, sink: WebhookSink, status: int
) -> None:
    receiver.judge = lambda request: answer(f"{status} No")
    assert len(sink.deliver(sample_events(8)).rejected) == 8
    assert len(receiver.requests) == 1


def test_gone_in_the_middle_of_a_batch_ends_it(receiver: Receiver, sink: WebhookSink) -> None:
    receiver.judge = lambda request: TAKEN if len(receiver.requests) == 1 else answer("410 Gone")
    events = [big(number) for number in range(1, 6)]
    delivery = sink.deliver(list(events))
    assert delivery.delivered == set(ids(events[:2]))
    assert delivery.rejected.keys() == set(ids(events[2:]))
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("first", [None, answer("503 Service Unavailable"), answer("429 Too Many Requests")])
def test_a_request_comes_again_as_it_was_also_when_more_events_follow(
    receiver: Receiver, sink: WebhookSink, first: bytes | None
) -> None:
    """Between two attempts the core reads on: what may have arrived keeps its id, and the new ones get their own."""
    receiver.judge = lambda request: first if len(receiver.requests) == 1 else TAKEN
    try:
        sink.deliver(sample_events(3))
    except UnreachableError:
        assert first is None
    delivery = sink.deliver(sample_events(7))
    before, again, new = receiver.requests
    assert len(delivery.delivered) == 7
    assert header_of(before, "webhook-id") == header_of(again, "webhook-id") != header_of(new, "webhook-id")
    assert body_of(before) == body_of(again)
    assert ids_in(new) == ids(sample_events(4, first=4))


def test_a_request_that_failed_is_forgotten_when_other_events_come(receiver: Receiver, sink: WebhookSink) -> None:
    receiver.judge = lambda request: answer("503 No") if len(receiver.requests) == 1 else TAKEN
    sink.deliver(sample_events(3))
    sink.deliver(sample_events(5, first=2))
    assert ids_in(receiver.requests[1]) == ids(sample_events(5, first=2))


def test_a_rotated_secret_counts_at_the_next_request(receiver: Receiver) -> None:
    keys = ["whsec_" + "QUJDREVG" * 4]
    settings: Any = WebhookSettings(
        url=Secret(receiver.url), secret=Secret(lambda: keys[-1]), allow_networks=("127.0.0.1/32",)
    )
    sink = WebhookSink(settings)
    sink.deliver(sample_events(1))
    keys.append("whsec_" + "R0hJSktM" * 4)
    sink.deliver(sample_events(1))
    sink.close()
    first, second = (header_of(request, "webhook-signature") for request in receiver.requests)
    assert first != second


def test_the_session_travels_as_a_trace(receiver: Receiver, sink: WebhookSink) -> None:
    sink.deliver(sample_events(2))
    (request,) = receiver.requests
    assert header_of(request, "traceparent").startswith("00-0199f3c27d00700080005e5510000000-")


def test_several_answers_travel_over_one_connection(receiver: Receiver, sink: WebhookSink) -> None:
    receiver.judge = lambda request: answer("500 No", b"x" * 100) if len(receiver.requests) % 2 else TAKEN
    for number in range(6):
        sink.deliver(sample_events(1, first=number))
    assert receiver.server.connections == 1
