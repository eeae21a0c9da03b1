"""The ``[service]`` table."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

import pytest

from busway.cli.config_tables import table_schemas
from busway.errors import ConfigurationError
from busway.operation import schedule_policy, service_policy
from busway.operation.schedule_policy import JobSchedule, SchedulePolicy
from busway.operation.service_policy import Role, ServicePolicy, TokenPolicy

DIGEST = hashlib.sha256(b"a token").hexdigest()


def where(*path: str) -> str:
    return f"busway.toml:{'.'.join(path)}"


def read(**table: Any) -> ServicePolicy:
    return ServicePolicy.from_table(table, where)


def problems(**table: Any) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        read(**table)
    return [(one.code, one.what) for one in caught.value.problems]


def test_without_a_table_it_listens_for_this_machine_alone() -> None:
    policy = read()
    assert (policy.address, policy.auth, policy.is_loopback) == ("127.0.0.1:8765", "loopback", True)


def test_everything_can_be_set() -> None:
    policy = read(
        listen="[::]:80", auth="token", allowed_hosts=["Busway.Internal"], grace="40s", reads_per_minute=0,
        changes_per_minute=5, max_body_kb=1, waiting_runs=2, open_metrics=True, least_free_mb=1, most_pending=7,
        tokens={"ann": {"role": "Operator", "sha256": DIGEST.upper()}},
        proxy={"peers": ["10.0.0.7", "10.1.0.0/16"], "user_header": "X-User", "roles": {"*": "viewer", "bob": "admin"}},
    )  # fmt: skip
    assert (policy.host, policy.port, policy.address, policy.is_loopback) == ("::", 80, "[::]:80", False)
    assert policy.tokens == {"ann": TokenPolicy(Role.OPERATOR, DIGEST)}
    assert policy.allowed_hosts == ("busway.internal",)
    assert (policy.grace_seconds, policy.max_body_bytes, policy.least_free_bytes) == (40, 1024, 1024**2)
    assert policy.proxy.peers == (ipaddress.ip_network("10.0.0.7/32"), ipaddress.ip_network("10.1.0.0/16"))
    assert policy.proxy.roles == {"*": Role.VIEWER, "bob": Role.ADMIN}


@pytest.mark.parametrize("listen", ["0.0.0.0:8765", "[::]:8765", "10.0.0.4:80", "busway.internal:80"])
def test_beyond_this_machine_it_asks_for_a_login(listen: str) -> None:
    assert [code for code, _ in problems(listen=listen)] == ["BW8105"]
    assert read(listen=listen, auth="token", tokens={"a": {"role": "admin", "sha256": DIGEST}}).auth == "token"


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.8.0.1:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_none(listen: str) -> None:
    assert read(listen=listen).is_loopback


def test_a_login_that_nobody_could_pass_is_refused() -> None:
    assert [code for code, _ in problems(auth="token")] == ["BW8106"]
    assert [code for code, _ in problems(auth="proxy", proxy={"roles": {"*": "viewer"}})] == ["BW8106"]
    assert [code for code, _ in problems(auth="proxy", proxy={"peers": ["10.0.0.1"]})] == ["BW8106"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = problems(
        listen="8765", auth="none", graze="1s", reads_per_minute=-1, open_metrics=1,
        tokens={"ann": {"role": "boss", "sha256": "a token"}, "bob": {"role": "viewer"}, "c d": {}, "eve": "x"},
        proxy={"peers": ["10.0.0.1/8"], "user_header": "X User"},
    )  # fmt: skip
    assert {code for code, _ in found} == {"BW8104"}
    assert [what for _, what in found] == [
        "[service] listen: an address with a port, such as 127.0.0.1:8765 or [::1]:8765",
        "[service] auth: one of loopback, token, proxy",
        "[service] graze is not known",
        "[service] reads_per_minute: a whole number from 0",
        "[service] open_metrics: either true or false",
        "[service.tokens.ann] role: one of viewer, operator, admin",
        "[service.tokens.ann] sha256: the SHA-256 of a token, 64 hexadecimal digits: "
        "busway serve --new-token makes both",
        "[service.tokens] bob lacks sha256",
        "[service.tokens] 'c d' is no name: letters, digits, @ . + - and _",
        '[service.tokens] eve is no table: { role = "operator", sha256 = "…" }',
        '[service.proxy] peers: a list of addresses or networks, such as ["10.0.3.7", "10.4.0.0/16"]: '
        "10.0.0.1/8 has host "
        "bits set",
        "[service.proxy] user_header: the name of a header, such as X-Forwarded-User",
    ]


def test_the_command_line_has_the_last_word() -> None:
    policy = ServicePolicy.from_table({"listen": "127.0.0.1:1"}, where, {"listen": "127.0.0.1:2"})
    assert policy.port == 2


def test_the_schema_of_the_file_knows_every_key_and_default() -> None:
    tables = table_schemas()
    service, schedule = tables["service"]["properties"], tables["schedule"]["properties"]
    assert set(service) == set(service_policy._READERS)
    assert set(schedule) == set(schedule_policy._READERS)
    assert set(service["tokens"]["additionalProperties"]["properties"]) == set(service_policy._TOKEN_READERS)
    assert set(service["proxy"]["properties"]) == set(service_policy._PROXY_READERS)
    defaults = {key: schema["default"] for key, schema in service.items() if "default" in schema}
    assert ServicePolicy.from_table(defaults, where) == ServicePolicy()
    plain = {key: schema["default"] for key, schema in schedule.items() if "default" in schema}
    assert SchedulePolicy.from_table(plain, ["people"], where).of("people") == JobSchedule()
