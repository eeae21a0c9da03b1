"""No token and no secret is in any log, whatever the level, with the real client library and a real credential."""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError

from builders.key_vault_server import TOKEN, Answer, KeyVaultServer, MetadataAddress, StoredSecret, StubCredential
from builders.key_vault_source import KeyVaultSources
from busway.errors import BuswayError
from busway.testing.secret_silence import everything_said, overheard

VALUE = "synthetic-secret-value-7f3a"
LOGGERS = ("azure", "azure.core.pipeline.policies.http_logging_policy", "azure.identity", "msal", "urllib3", "requests")


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVaultServer]:
    secrets = {"DB-PASSWORD": StoredSecret(VALUE), "OTHER": StoredSecret(VALUE)}
    with KeyVaultServer(tmp_path, secrets=secrets) as vault:
        yield vault


@pytest.fixture
def make(vault: KeyVaultServer) -> Iterator[KeyVaultSources]:
    with KeyVaultSources(vault) as sources:
        yield sources


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Loggers that come into being later take their level from these."""
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    with caplog.at_level(logging.DEBUG):
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def said(caplog: pytest.LogCaptureFixture) -> str:
    """All that any record could print."""
    parts = [caplog.text]
    for record in caplog.records:
        parts += [repr(record.args), repr(vars(record))]
        if record.exc_info and record.exc_info[1] is not None:
            parts.append(everything_said(record.exc_info[1]))
    return "\n".join(parts)


def test_reading_with_a_real_credential_logs_no_token_and_no_value(
    vault: KeyVaultServer,
    make: KeyVaultSources,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with MetadataAddress(silent=False) as metadata, overheard() as heard:
        for name, value in metadata.environ.items():
            monkeypatch.setenv(name, value)
        source = make(real_credential=True)
        found = source.fetch("DB_PASSWORD")
        source.fetch_many(["DB_PASSWORD", "OTHER", "MISSING"])
    assert found is not None
    assert found.value == VALUE
    assert len(metadata.requests) == 1
    told = said(caplog) + "\n".join(heard)
    assert "/secrets/DB-PASSWORD" in told  # what is asked is logged
    assert "acquired a token" in told
    assert TOKEN not in told
    assert VALUE not in told


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, "InternalError", message=f"the value is {VALUE}"),
        Answer(403, "Forbidden", "ForbiddenByRbac", message=f"oid={VALUE} found {TOKEN}"),
        Answer(400, VALUE, message=VALUE),
        Answer(200, raw=f'{{"value": "{VALUE}"'.encode()),
        Answer(200, raw=f'{{"value": "{VALUE}", "id": "{VALUE}"}}'.encode()),
        Answer(200, raw=f'{{"value": "{VALUE}", "id": "https://h/secrets/a/b"}}'.encode(), manner="cut"),
        Answer(429, VALUE, headers={"Retry-After": VALUE}, message=VALUE),
        Answer(401, VALUE, headers={"WWW-Authenticate": f'Bearer authorization="{VALUE}", resource="{TOKEN}"'}),
    ],
)
def test_no_failure_tells_what_the_vault_said(
    vault: KeyVaultServer, make: KeyVaultSources, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    vault.faults["db-password"] = deque([answer] * 9)
    with overheard() as heard, pytest.raises(BuswayError) as caught:
        make().fetch("DB_PASSWORD")
    told = everything_said(caught.value) + "".join(traceback.format_exception(caught.value))
    assert VALUE not in told
    assert TOKEN not in told
    logged = said(caplog) + "\n".join(heard)
    assert TOKEN not in logged.replace(str(answer.headers.get("WWW-Authenticate", "")), "")
    assert "Authorization': 'Bearer" not in logged


def test_a_credential_that_tells_too_much_is_not_repeated(
    make: KeyVaultSources, caplog: pytest.LogCaptureFixture
) -> None:
    fails = ClientAuthenticationError(f"jane@example.test {VALUE}\r\nforged line")
    with pytest.raises(BuswayError) as caught:
        make(credential=StubCredential(fails=fails)).fetch("DB_PASSWORD")
    told = everything_said(caught.value) + said(caplog)
    assert VALUE not in told
    assert "jane" not in told
    assert "forged" not in told


def test_neither_source_nor_answer_shows_a_value(make: KeyVaultSources) -> None:
    source = make()
    found = source.fetch("DB_PASSWORD")
    assert VALUE not in f"{source!r} {found!r} {vars(source)!r}"
