"""Receivers that mean harm or are broken: internal addresses, rebinding, silence, dripping, pages, endless answers."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from pytest_httpserver import HTTPServer

from builders.raw_http_server import RawHttpServer, answer
from busway.contracts.settings import Secret
from busway.contracts.sinks import Delivery
from busway.errors import BuswayError, ConfigurationError, UnreachableError
from busway.testing.sinks import sample_event, sample_events
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.sink import WebhookSink

SECONDS = 0.3
"""Of the sinks here; they have to be over soon after it."""
SLACK = 1.5
"""More than that and a time-out does not work; less and a busy machine fails the test."""

TARGETS = [
    "https://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://127.255.255.254:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.1:{port}/",
    "https://0x7f.0x0.0x0.0x1:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://017700000001:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://localhost:{port}/",
    "https://LOCALHOST:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/latest/meta-data",
    "https://[fe80::1]/",
    "https://[ff02::1]/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://3232235777/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://169.254.169.254/latest/meta-data",
    "https://2852039166/latest/meta-data",
    "https://0xa9fea9fe/latest/meta-data",
    "https://169.254.170.2/v2/credentials",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
]


def sink_for(url: str, **changes: object) -> WebhookSink:
    values: dict[str, object] = {"timeout_seconds": SECONDS, "allow_networks": ("127.0.0.1/32",), **changes}
    return WebhookSink(WebhookSettings(url=Secret(url), **values))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


def test_there_are_enough_targets() -> None:
    assert len(set(TARGETS)) >= 30


@pytest.mark.parametrize("url", TARGETS)
def test_internal_targets_are_refused_before_a_byte_is_sent(server: HTTPServer, url: str) -> None:
    server.clear()
    sink = sink_for(url.format(port=server.port), allow_networks=())
    with pytest.raises(ConfigurationError) as caught:
        sink.deliver(sample_events(1))
    sink.close()
    assert caught.value.code in ("BW3204", "BW3205")  # a resolver or the URL's own rules may know the address
    assert server.log == []


DISGUISED = [
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
    "\u2460\u2461\u2466.0.0.1",
    "loc%61lhost",
    "127.0.0.1%00.example.test",
    "127.0.0.1\\@example.test",
]


@pytest.mark.parametrize("host", DISGUISED, ids=ascii)
def test_hosts_in_disguise_reach_nothing_inside(server: HTTPServer, host: str) -> None:
    server.clear()
    sink = sink_for(f"https://{host}:{server.port}/", allow_networks=())
    with pytest.raises(BuswayError):
        sink.deliver(sample_events(1))
    sink.close()
    assert server.log == []


def test_a_rebound_name_is_refused_at_every_attempt() -> None:
    """The first answer of the resolver may be connected to; what it says later is judged again."""
    with RawHttpServer(lambda request: []) as receiver:  # hangs up without an answer
        later = iter([["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1", "169.254.169.254"], ["::ffff:10.0.0.1"]])
        sink = WebhookSink(
            WebhookSettings(
                url=Secret(f"http://receiver.internal:{receiver.port}/"),
                allow_networks=("receiver.internal", "127.0.0.1/32"),
            ),
            resolve=lambda host, port: next(later),
        )
        with pytest.raises(UnreachableError):
            sink.deliver(sample_events(1))
        sink_by_address = WebhookSink(
            WebhookSettings(url=Secret(f"https://hooks.example.test:{receiver.port}/")),
            resolve=lambda host, port: next(later),
        )
        for _ in range(3):
            with pytest.raises(ConfigurationError) as caught:
                sink_by_address.deliver(sample_events(1))
            assert caught.value.code == "BW3204"
        assert len(receiver.requests) == 1
        sink.close()
        sink_by_address.close()


def test_a_kept_connection_stays_with_the_address_that_was_checked() -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with RawHttpServer(lambda request: [answer("204 No Content")]) as receiver:
        url = f"http://receiver.internal:{receiver.port}/"
        sink = WebhookSink(WebhookSettings(url=Secret(url), allow_networks=("receiver.internal",)), resolve=resolver)
        for number in range(3):
            assert sink.deliver(sample_events(1, first=number)).delivered
        assert (receiver.connections, len(asked)) == (1, 1)
        sink.close()


def within_the_time_out(deliver: Callable[[], object]) -> object:
    """What comes of ``deliver``, which must not take much longer than the sink's time-out."""
    before = time.monotonic()
    try:
        return deliver()
    except UnreachableError as error:
        return error
    finally:
        assert time.monotonic() - before < SECONDS + SLACK


DRIP = [b"HTTP/1.1 200 OK\r\n", *(b"x-slow: 1\r\n" for _ in range(1_000)), b"\r\n"]


def test_headers_that_drip_are_given_up() -> None:
    with RawHttpServer(lambda request: DRIP, pause=0.05) as receiver:
        sink = sink_for(receiver.url)
        error = within_the_time_out(lambda: sink.deliver(sample_events(1)))
        sink.close()
    assert isinstance(error, UnreachableError)
    assert "ReadTimeout" in error.problem.why


def test_a_body_that_drips_holds_nobody_and_the_status_counts() -> None:
    pieces = [b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *(b"x" for _ in range(1_000))]
    with RawHttpServer(lambda request: pieces, pause=0.05) as receiver:
        sink = sink_for(receiver.url)
        events = sample_events(1)
        assert within_the_time_out(lambda: sink.deliver(events)) == Delivery.done(events)
        sink.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silence_is_given_up(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sink = sink_for(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/")
        error = within_the_time_out(lambda: sink.deliver(sample_events(1)))
        sink.close()
    assert isinstance(error, UnreachableError)
    assert "Timeout" in error.problem.why


def test_a_resolver_that_hangs_is_given_up() -> None:
    ended = threading.Event()

    def hanging(host: str, port: int) -> Sequence[str]:
        ended.wait(10)
        return []

    url = Secret("https://hooks.example.test/")
    sink = WebhookSink(WebhookSettings(url=url, timeout_seconds=SECONDS), resolve=hanging)
    error = within_the_time_out(lambda: sink.deliver(sample_events(1)))
    ended.set()
    sink.close()
    assert isinstance(error, UnreachableError)
    assert "ConnectTimeout" in error.problem.why


def test_many_requests_of_one_batch_share_the_time() -> None:
    """Each answer comes in time; all of them together would not."""
    with RawHttpServer(lambda request: [answer("204 No Content")], pause=SECONDS / 2.5) as receiver:
        sink = sink_for(receiver.url)
        events = [sample_event(number, attributes={"text": "x" * 15_000}) for number in range(1, 11)]
        delivery = within_the_time_out(lambda: sink.deliver(list(events)))
        sink.close()
    told = getattr(delivery, "delivered", None)
    assert told is not None
    assert 1 <= len(told) < 10  # the rest comes again


@pytest.mark.parametrize("body", [b"", b"\x00\xff" * 100, b"{", b"HTTP/1.1 200 OK"])
def test_what_is_not_http_is_an_outage_and_is_not_repeated(body: bytes) -> None:
    with RawHttpServer(lambda request: [b"T0SECRET " + body + b"\r\n\r\n"]) as receiver:
        sink = sink_for(receiver.url)
        with pytest.raises(UnreachableError) as caught:
            sink.deliver(sample_events(1))
        sink.close()
    assert caught.value.code == "BW3203"
    assert "T0SECRET" not in caught.value.render()


PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"


def test_a_page_with_2xx_is_a_receipt_by_the_specification_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with RawHttpServer(lambda request: [answer("200 OK", PAGE, "content-type: text/html")]) as receiver:
        sink = sink_for(receiver.url)
        with caplog.at_level(logging.WARNING):
            for number in range(3):
                assert sink.deliver(sample_events(1, first=number)).delivered
        sink.close()
    (record,) = caplog.records
    assert "does WEBHOOK_URL lead to the receiver" in record.getMessage()
    assert "/hook" not in record.getMessage()


def test_a_page_in_front_of_slack_is_no_receipt() -> None:
    with RawHttpServer(lambda request: [answer("200 OK", PAGE)]) as receiver:
        sink = sink_for(receiver.url, format="slack")
        delivery = sink.deliver(sample_events(2))
        sink.close()
    assert (delivery.delivered, dict(delivery.rejected)) == (frozenset(), {})


def test_an_endless_answer_is_cut_off() -> None:
    sent: list[bytes] = []

    def endless(request: bytes) -> list[bytes]:
        sent.append(request)
        return [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65_536] * 1_000]

    with RawHttpServer(endless) as receiver:
        sink = sink_for(receiver.url, timeout_seconds=20.0)
        before = time.monotonic()
        for number in range(2):  # the connection is lost, and only that
            assert sink.deliver(sample_events(1, first=number)).delivered
        assert time.monotonic() - before < 10  # it is the size that ends it, not the time
        sink.close()
        assert receiver.connections == 2


def test_a_receiver_that_answers_before_it_has_read_all_is_heard() -> None:
    with RawHttpServer(lambda request: [answer("413 Content Too Large", b"", "connection: close")]) as receiver:
        sink = sink_for(receiver.url)
        (reason,) = sink.deliver(sample_events(1)).rejected.values()
        sink.close()
    assert "413" in reason


def test_a_connection_that_the_receiver_closed_meanwhile_is_replaced() -> None:
    with RawHttpServer(lambda request: [answer("204 No Content", b"", "connection: close")]) as receiver:
        sink = sink_for(receiver.url)
        for number in range(3):
            assert sink.deliver(sample_events(1, first=number)).delivered
        sink.close()
        assert receiver.connections == 3
        assert [json.loads(request.partition(b"\r\n\r\n")[2])["type"] for request in receiver.requests] == [
            "busway.events"
        ] * 3
