"""The webhook sink against real HTTP servers: signatures, answers, outages, and the guard inside the connection."""

from __future__ import annotations

import base64
import json
import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook

from busway.contracts.events import Severity
from busway.contracts.health import HealthResult
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError, UnreachableError
from busway.testing.sinks import sample_event, sample_events
from busway_sink_webhook import busway_event_sink, busway_health_checks
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.sink import WebhookSink

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LOOPBACK = ("127.0.0.1/32",)

Make = Callable[..., WebhookSink]


def settings_for(url: str, **changes: Any) -> WebhookSettings:
    values = {"secret": Secret(KEY), "allow_networks": LOOPBACK, **changes}
    return WebhookSettings(url=Secret(url), **values)


@pytest.fixture
def make() -> Iterator[Make]:
    sinks: list[WebhookSink] = []

    def build(url: str, *, resolver: object = None, root: Path | None = None, **changes: Any) -> WebhookSink:
        doubles = {} if resolver is None else {"resolver": resolver}
        context = PluginContext("webhook", settings_for(url, **changes), doubles=doubles, root=root or Path())
        sinks.append(busway_event_sink(context))
        return sinks[-1]

    yield build
    for sink in sinks:
        sink.close()


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


@pytest.fixture
def receiver(server: HTTPServer) -> HTTPServer:
    server.clear()
    return server


def answering(receiver: HTTPServer, status: int, **headers: str) -> str:
    receiver.expect_request("/hook").respond_with_data("x" * 10, status, headers=headers)
    return receiver.url_for("/hook")


def test_a_signed_batch_arrives(receiver: HTTPServer, make: Make) -> None:
    events = sample_events(3)
    delivery = make(answering(receiver, 200)).deliver(events)
    ((request, _),) = receiver.log
    document = Webhook(KEY).verify(request.get_data(), dict(request.headers))
    assert delivery.delivered == {event.event_id for event in events}
    assert [event["event_id"] for event in document["data"]] == [event.event_id for event in events]
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Host"] == f"127.0.0.1:{receiver.port}"


def test_without_a_secret_nothing_is_signed(receiver: HTTPServer, make: Make) -> None:
    make(answering(receiver, 200), secret=None).deliver(sample_events(1))
    ((request, _),) = receiver.log
    assert "webhook-signature" not in request.headers
    assert request.headers["webhook-id"]


def test_a_retried_batch_keeps_its_id(receiver: HTTPServer, make: Make) -> None:
    sink = make(answering(receiver, 503, **{"Retry-After": "1.5"}))
    answers = [sink.deliver(sample_events(2)) for _ in range(2)]
    assert [answer.retry_after_seconds for answer in answers] == [1.5, 1.5]
    assert len({request.headers["webhook-id"] for request, _ in receiver.log}) == 1


def test_events_below_the_severity_are_acknowledged_and_not_posted(receiver: HTTPServer, make: Make) -> None:
    sink = make(answering(receiver, 400), min_severity="error")
    quiet, loud = sample_event(1, severity=Severity.WARNING), sample_event(2)
    assert sink.deliver([quiet]).delivered == {quiet.event_id}
    assert receiver.log == []
    delivery = sink.deliver([quiet, loud])
    assert (set(delivery.delivered), set(delivery.rejected)) == ({quiet.event_id}, {loud.event_id})


@pytest.mark.parametrize("location", ["/elsewhere", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/"])
def test_a_redirect_is_not_followed(receiver: HTTPServer, make: Make, location: str) -> None:
    sink = make(answering(receiver, 307, Location=location))
    (reason,) = sink.deliver(sample_events(1)).rejected.values()
    assert "redirect" in reason
    assert [request.path for request, _ in receiver.log] == ["/hook"]


def test_gone_disables_the_url_and_another_one_is_used_again(receiver: HTTPServer, make: Make) -> None:
    urls = [answering(receiver, 410)]
    sink = WebhookSink(WebhookSettings(url=Secret(lambda: urls[-1]), allow_networks=LOOPBACK))
    for _ in range(2):
        (reason,) = sink.deliver(sample_events(1)).rejected.values()
        assert "410" in reason
    assert len(receiver.log) == 1
    receiver.expect_request("/new").respond_with_data("", 200)
    urls.append(receiver.url_for("/new"))
    assert sink.deliver(sample_events(1)).delivered
    sink.close()


def test_nobody_listening_is_unreachable(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnreachableError) as caught:
        make(f"http://127.0.0.1:{port}/T0SECRET").deliver(sample_events(1))
    assert caught.value.code == "BW3203"
    assert "refused" in caught.value.problem.why
    assert "T0SECRET" not in caught.value.render()


def test_a_silent_receiver_is_unreachable(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sink = make(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_seconds=0.1)
        with pytest.raises(UnreachableError) as caught:
            sink.deliver(sample_events(1))
    assert "ReadTimeout" in caught.value.problem.why


def test_the_url_is_not_logged(receiver: HTTPServer, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    receiver.expect_request("/T0SECRET").respond_with_data("", 200)
    with caplog.at_level(logging.DEBUG):
        make(receiver.url_for("/T0SECRET")).deliver(sample_events(1))
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "werkzeug")  # the receiver's
    assert "connect_tcp" in logged  # the library did log
    assert "T0SECRET" not in logged
    assert KEY not in logged


def test_the_guard_asks_again_for_every_connection(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    sink = make(f"https://hooks.example.test:{port}/", resolver=lambda host, port: next(answers))
    with pytest.raises(UnreachableError):
        sink.deliver(sample_events(1))
    with pytest.raises(ConfigurationError):  # the name was bound to an internal address in between
        sink.deliver(sample_events(1))


def test_a_name_that_does_not_resolve_is_unreachable(make: Make) -> None:
    def nothing(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def empty(host: str, port: int) -> Sequence[str]:
        return []

    for resolver in (nothing, empty):
        with pytest.raises(UnreachableError) as caught:
            make("https://hooks.example.test/", resolver=resolver).deliver(sample_events(1))
        assert "ConnectError" in caught.value.problem.why


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def secure_server(certificates: Path) -> Iterator[HTTPServer]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(certificates / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example.test").configure_cert(context)
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        yield server


@pytest.fixture
def secure_receiver(secure_server: HTTPServer) -> HTTPServer:
    secure_server.clear()
    secure_server.expect_request("/hook").respond_with_data("", 200)
    return secure_server


def test_the_certificate_is_checked_for_the_name_and_the_next_address_is_tried(
    secure_receiver: HTTPServer, make: Make, certificates: Path
) -> None:
    # Nobody listens on 127.0.0.2 at that port: the second address serves, under the name.
    sink = make(
        f"https://hooks.example.test:{secure_receiver.port}/hook",
        resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"],
        allow_networks=("127.0.0.0/8",),
        ca_file="ca.pem",
        root=certificates,
    )
    assert sink.deliver(sample_events(1)).delivered
    ((request, _),) = secure_receiver.log
    assert json.loads(request.get_data())["type"] == "busway.events"


@pytest.mark.parametrize(("host", "ca_file"), [("other.example.test", "ca.pem"), ("hooks.example.test", "")])
def test_a_certificate_that_does_not_fit_is_refused(
    secure_receiver: HTTPServer, make: Make, certificates: Path, host: str, ca_file: str
) -> None:
    sink = make(
        f"https://{host}:{secure_receiver.port}/hook",
        resolver=lambda host, port: ["127.0.0.1"],
        ca_file=ca_file,
        root=certificates,
    )
    with pytest.raises(UnreachableError) as caught:
        sink.deliver(sample_events(1))
    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.problem.why
    assert secure_receiver.log == []


def test_a_missing_authority_file_fails_when_the_sink_is_built(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make("https://hooks.example.test/", ca_file="missing.pem", root=tmp_path)
    assert caught.value.code == "BW3205"


def health(url: str, **changes: Any) -> HealthResult:
    (check,) = busway_health_checks(PluginContext("webhook", settings_for(url, **changes)))
    assert check.online
    return check.run()


def test_the_health_check_resolves_and_judges(receiver: HTTPServer) -> None:
    assert health("https://127.0.0.1:9/").detail == "127.0.0.1 may be posted to; requests are signed"
    assert "not signed" in health("https://127.0.0.1:9/", secret=None).detail
    assert "BW3204" in health("https://127.0.0.1:9/", allow_networks=()).detail
    assert "BW3205" in health("https://127.0.0.1:9/", secret=Secret("plain")).detail
    assert health(f"https://{'a' * 64}.invalid/").status == "failed"
    assert receiver.log == []
