"""The directory: the real client, Microsoft's own library included, against the sandbox over HTTPS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from builders.safetyamp_parts import Remote, StillClock, graph_client, safetyamp_settings
from busway.contracts.plugins import PluginContext
from busway.contracts.records import Record
from busway.contracts.settings import Secret
from busway.errors import BuswayError, ConfigurationError, IncompleteReadError, RefusedError, UnreachableError
from busway_safetyamp.connections import Connections
from busway_safetyamp.graph.client import GraphClient
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.graph import GraphSandbox
from busway_safetyamp.sandbox.graph_api import Application
from busway_safetyamp.sandbox.tls import Certificate

TENANT, CLIENT, SECRET = "tenant.example.test", "app-1", "canary-secret"


def account(number: int, **changes: Any) -> Record:
    return {
        "id": f"u{number}",
        "employeeId": str(number),
        "mail": f"e{number}@example.test",
        "userPrincipalName": f"e{number}@tenant.example.test",
        "accountEnabled": True,
        "mobilePhone": "+15045550123",
        "businessPhones": ["+15045550199"],
        **changes,
    }


ACCOUNTS = [*(account(number) for number in range(2000)), account(9999, accountEnabled=False)]
"""Two thousand enabled accounts, which are three pages, and a disabled one."""


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate.make()


@pytest.fixture
def application() -> Application:
    return Application(TENANT, CLIENT, SECRET)


@pytest.fixture
def sandbox(certificate: Certificate, application: Application) -> Iterator[GraphSandbox]:
    with GraphSandbox(ACCOUNTS, application=application, certificate=certificate) as sandbox:
        yield sandbox


@contextmanager
def opened(sandbox: GraphSandbox, remote: Remote | None = None, **changes: Any) -> Iterator[GraphClient]:
    client = graph_client(sandbox, remote, **changes)
    try:
        yield client
    finally:
        client.close()


def failure(sandbox: GraphSandbox, remote: Remote | None = None, **changes: Any) -> BuswayError:
    """The error of a read, which shows neither the secret nor a token nor a person."""
    with opened(sandbox, remote, **changes) as client, pytest.raises(BuswayError) as caught:
        client.users()
    assert "canary" not in caught.value.render() + repr(caught.value) + str(vars(caught.value))
    return caught.value


def test_d06_every_enabled_user_comes_in_pages_of_999(sandbox: GraphSandbox, application: Application) -> None:
    with opened(sandbox) as client:
        users = client.users()
        again = client.users()
    assert (len(users), users.pages, len(again)) == (2000, 3, 2000)
    assert next(iter(users)) == {name: account(0)[name] for name in ("id", "employeeId", "mail", "userPrincipalName")}
    assert application.sign_ins == 1, "one token serves until it ends"
    assert sandbox.answers == {200: 8}, "discovery, one sign-in, and three pages for each read"


def test_phones_are_asked_for_only_when_wanted(sandbox: GraphSandbox) -> None:
    with opened(sandbox, graph_phones=True) as client:
        assert next(iter(client.users()))["businessPhones"] == ["+15045550199"]


@pytest.mark.parametrize("calls", [1, 2])
def test_a_token_that_ends_half_way_is_renewed(sandbox: GraphSandbox, application: Application, calls: int) -> None:
    application.calls_per_token = calls
    with opened(sandbox) as client:
        assert len(client.users()) == 2000
    assert application.sign_ins == {1: 3, 2: 2}[calls]


def test_a_token_that_is_never_taken_ends_it(sandbox: GraphSandbox, application: Application) -> None:
    application.calls_per_token = 0
    error = failure(sandbox)
    assert (error.code, application.sign_ins) == ("BW5013", 2)


def test_a_rotated_secret_is_used_for_the_next_sign_in(sandbox: GraphSandbox, application: Application) -> None:
    secrets = {"now": SECRET}
    application.calls_per_token = 3
    with opened(sandbox, graph_client_secret=Secret(lambda: secrets["now"])) as client:
        client.users()
        application.secret = secrets["now"] = "canary-secret-2"
        client.users()
    assert application.sign_ins == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"graph_client_secret": "canary-wrong"}, "the client secret is wrong"),
        ({"graph_client_id": "other"}, "there is no such application in the tenant (AADSTS700016)"),
        ({"graph_tenant_id": "elsewhere"}, "there is no such tenant"),
    ],
)
def test_a_refused_sign_in_says_why(sandbox: GraphSandbox, changes: dict[str, Any], told: str) -> None:
    error = failure(sandbox, **changes)
    assert (type(error).__mro__[2], error.code) == (RefusedError, "BW5012")
    assert told in error.problem.why
    assert "busway explain BW5012" in error.problem.fix


def test_without_the_permission_nothing_is_read(sandbox: GraphSandbox, application: Application) -> None:
    application.may_read = False
    error = failure(sandbox)
    assert (error.code, getattr(error, "status", None)) == ("BW5013", 403)
    assert "Insufficient privileges" in getattr(error, "body", "")
    assert getattr(error, "request_id", "") == "sandbox-403"


@pytest.mark.parametrize("lacking", ["graph_tenant_id", "graph_client_id", "graph_client_secret"])
def test_settings_that_are_missing_are_named(sandbox: GraphSandbox, lacking: str) -> None:
    error = failure(sandbox, **{lacking: None if "secret" in lacking else ""})
    assert (type(error), error.code, error.problem.where) == (ConfigurationError, "BW5014", f"MS_{lacking.upper()}")
    assert sandbox.answers == {}


def test_a_certificate_nobody_vouches_for_is_not_trusted(sandbox: GraphSandbox) -> None:
    with GraphSandbox([], certificate=Certificate.make(), application=sandbox.application) as other:
        other.authority = sandbox.authority
        error = failure(other)
    assert (error.code, error.problem.why) == ("BW5102", "ConnectError")


PASSING = {FaultKind.FAIL: {"status": 503}, FaultKind.THROTTLE: {"retry_after": "7"}, FaultKind.TRUNCATE: {}}


@pytest.mark.parametrize("resource", ["discovery", "token", "users"])
@pytest.mark.parametrize("kind", list(PASSING), ids=str)
def test_what_may_pass_is_tried_again_in_every_step(sandbox: GraphSandbox, resource: str, kind: FaultKind) -> None:
    sandbox.faults.arm(Fault(kind, resource, times=2, **PASSING[kind]))  # type: ignore[arg-type]
    clock = StillClock()
    with opened(sandbox, Remote(clock)) as client:
        assert len(client.users()) == 2000
    assert clock.passed == pytest.approx(14 if kind is FaultKind.THROTTLE else 3), "as asked, else the back-off"


LASTING: dict[FaultKind, tuple[dict[str, Any], type[BuswayError], str]] = {
    FaultKind.FAIL: ({"status": 500}, UnreachableError, "BW5101"),
    FaultKind.THROTTLE: ({"retry_after": "400"}, UnreachableError, "BW5103"),
    FaultKind.HTML: ({}, RefusedError, "BW5002"),
    FaultKind.SHAPELESS: ({}, RefusedError, "BW5005"),
    FaultKind.TRUNCATE: ({}, UnreachableError, "BW5102"),
    FaultKind.DROP: ({}, UnreachableError, "BW5102"),
    FaultKind.REPEAT: ({}, IncompleteReadError, "BW5104"),
    FaultKind.SHUFFLE: ({}, IncompleteReadError, "BW5104"),
}


@pytest.mark.parametrize("kind", list(LASTING), ids=str)
def test_a_list_that_cannot_be_had_whole_is_an_error(sandbox: GraphSandbox, kind: FaultKind) -> None:
    options, expected, code = LASTING[kind]
    sandbox.faults.arm(Fault(kind, "users", 1, **options))
    error = failure(sandbox)
    assert isinstance(error, expected)
    assert error.code == code


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.SHAPELESS], ids=str)
@pytest.mark.parametrize("resource", ["discovery", "token"])
def test_a_sign_in_that_answers_nonsense_is_told_and_not_logged(
    sandbox: GraphSandbox, caplog: pytest.LogCaptureFixture, resource: str, kind: FaultKind
) -> None:
    sandbox.faults.arm(Fault(kind, resource))
    error = failure(sandbox)
    assert isinstance(error, RefusedError)
    assert error.code == {FaultKind.HTML: "BW5002", FaultKind.SHAPELESS: "BW5005"}[kind]
    assert "Microsoft's sign-in" in error.problem.what + error.problem.why
    assert "Please sign in" not in caplog.text


@pytest.mark.parametrize(
    "link",
    ["https://elsewhere.example.test/v1.0/users?$skiptoken=1", "http://127.0.0.1/v1.0/users", "https://[x", "", 7, {}],
)
def test_a_link_that_leads_to_another_host_is_not_followed(
    sandbox: GraphSandbox, monkeypatch: pytest.MonkeyPatch, link: Any
) -> None:
    with opened(sandbox) as client:
        monkeypatch.setattr(client._caller, "call", lambda *a, **k: {"value": [], "@odata.nextLink": link})
        with pytest.raises(RefusedError, match="BW5005"):
            client.users()


def test_links_that_go_round_in_a_circle_end(sandbox: GraphSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    link = f"{sandbox.url}/v1.0/users?$skiptoken=1"
    with opened(sandbox) as client:
        monkeypatch.setattr(client._caller, "call", lambda *a, **k: {"value": [], "@odata.nextLink": link})
        with pytest.raises(IncompleteReadError, match="BW5104"):
            client.users()


def test_a_probe_reads_one_user(sandbox: GraphSandbox) -> None:
    with opened(sandbox) as client:
        assert client.probe() == 1


def test_the_authority_of_the_sandbox_is_added_to_the_public_ones(sandbox: GraphSandbox, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(sandbox.authority)
    notes: list[str] = []
    settings = safetyamp_settings(
        ca_file="ca.pem",
        enrichment="required",
        graph_authority=sandbox.url,
        graph_domain=sandbox.url,
        graph_tenant_id=TENANT,
        graph_client_id=CLIENT,
        graph_client_secret=SECRET,
    )
    connections = Connections(PluginContext("safetyamp", settings, root=tmp_path))
    found = connections.enrichment(notes.append)
    connections.close()
    account = found.user(17)
    assert account is not None
    assert account.email == "e17@example.test"
    assert found.user(777_777) is None
    assert notes == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_cannot_be_used_is_told(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    settings = safetyamp_settings(ca_file="ca.pem")
    with pytest.raises(ConfigurationError, match="BW5010") as caught:
        Connections(PluginContext("safetyamp", settings, root=tmp_path)).graph.users()
    assert str(tmp_path / "ca.pem") in caught.value.problem.where
