"""What is taken from an answer of the vault: parts of the right shape, and nothing else."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ODataV4Format
from hypothesis import given
from hypothesis import strategies as st

from busway_secrets_keyvault.answers import (
    caller_of,
    client_address,
    code_of,
    kinds_within,
    object_id,
    retry_after,
    tenants,
)
from busway_secrets_keyvault.failures import Judge

A = "00000000-0000-4000-8000-00000000000a"
B = "00000000-0000-4000-8000-00000000000b"
NOW_NS = 1_767_225_600_000_000_000


def answer(
    status: int = 403, message: str = "", headers: dict[str, str] | None = None, body: Any = None
) -> HttpResponseError:
    error = HttpResponseError(message=message)
    error.status_code = status
    error.response = SimpleNamespace(headers=headers or {})
    error.error = ODataV4Format(body) if isinstance(body, dict) else None
    return error


def test_the_innermost_code_is_the_most_telling() -> None:
    assert code_of(answer(body={"code": "Forbidden", "innererror": {"code": "AccessDenied"}})) == "AccessDenied"
    assert code_of(answer(body={"code": "Throttled"})) == "Throttled"


@pytest.mark.parametrize("code", ["two words", "line\r\nbreak", "<b>", "x" * 65, "", 5.5, None])
def test_a_code_that_is_none_is_not_told(code: object) -> None:
    assert code_of(answer(body={"code": code, "message": "synthetic"})) == ""


@pytest.mark.parametrize(
    ("message", "who"),
    [
        (f"Caller: appid={A};oid={B};iss=x", f"object id {B}, application {A}"),
        (f"'appid={A}'", f"application {A}"),
        (f"oid={B.upper()}", f"object id {B}"),
        ("oid=drop-table;appid=../../etc/passwd", "an identity it does not name"),
        (f"oid={B}0", "an identity it does not name"),
        ("", "an identity it does not name"),
    ],
)
def test_callers_are_told_by_ids(message: str, who: str) -> None:
    assert caller_of(answer(message=message)) == who


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8::9\r\nCaller", "2001:db8::9"),
        ("203.0.113.9. See docs", "203.0.113.9"),
        ("999.0.0.1", ""),
        ("jane@example.test", ""),
        ("$(reboot)", ""),
    ],
)
def test_an_address_is_told_when_it_is_one(text: str, address: str) -> None:
    assert client_address(answer(message=f"Client address: {text}")) == address


@pytest.mark.parametrize(
    ("message", "header", "expected"),
    [
        (f"Expected one of https://sts.x/{A}/, https://y/{A}/v2.0, found https://sts.x/{B}/.", "", (A, B)),
        ("", f'Bearer authorization="https://login.example.test/{A}", resource="x"', (A, "")),
        ("", f'Bearer authorization_uri="https://login.example.test/{A}"', (A, "")),
        ("Expected jane, found joe", 'Bearer authorization="https://login.example.test/jane"', ("", "")),
    ],
)
def test_tenants_are_told_by_ids(message: str, header: str, expected: tuple[str, str]) -> None:
    assert tenants(answer(401, message, {"WWW-Authenticate": header})) == expected


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("900", 900.0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 00:01:00 -0000", 60.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("1e3", None),
    ],
)
def test_when_to_ask_again_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after(answer(429, headers={"Retry-After": header}), NOW_NS) == seconds


def test_kinds_are_found_wherever_they_are_wrapped() -> None:
    inner = ConnectionRefusedError("x")
    middle = OSError(inner)
    outer = RuntimeError("x")
    outer.__cause__ = middle
    assert {"ConnectionRefusedError", "OSError", "RuntimeError"} <= kinds_within(outer)
    middle.__cause__ = outer
    assert kinds_within(outer)  # a ring ends


HOSTILE = st.text(st.characters(codec="utf-8"), max_size=200) | st.sampled_from(
    ["hunter2-synthetic\r\nforged: line", f"oid={A}\r\nAKV10032 found {B}", "\x1b[31mred", "Expected " * 50]
)


@given(
    st.sampled_from([400, 401, 403, 404, 409, 418, 429, 500, 503]),
    HOSTILE,
    HOSTILE,
    HOSTILE,
    st.dictionaries(st.sampled_from(["Retry-After", "WWW-Authenticate"]), HOSTILE),
)
def test_no_text_of_the_remote_is_told(
    status: int, message: str, code: str, inner: str, headers: dict[str, str]
) -> None:
    marked = f"hunter2-synthetic {message}"
    error = answer(status, marked, headers, {"code": code, "innererror": {"code": inner}, "message": marked})
    failure = Judge("https://acme.vault.azure.net", "DB-PASSWORD", NOW_NS).failure(error)
    if failure is None:
        assert (status, code_of(error)) == (404, "SecretNotFound")
        return
    told = failure.error.problem.as_dict()
    assert "hunter2" not in json.dumps(told)
    assert all(text.isprintable() and text.isascii() for text in told.values())
    assert told["fix"]
    assert re.fullmatch(r"BW14\d\d", told["code"])
    assert failure.hold_seconds <= 30


def test_a_token_that_another_thread_took_away_is_worth_another_attempt() -> None:
    judge = Judge("https://acme.vault.azure.net", "DB-PASSWORD", NOW_NS)
    taken = judge.failure(AttributeError("'NoneType' object has no attribute 'token'", name="token"))
    other = judge.failure(AttributeError("'list' object has no attribute 'get'", name="get"))
    assert taken is not None
    assert other is not None
    assert (taken.may_pass, taken.error.code) == (True, "BW1414")
    assert (other.may_pass, other.error.code) == (False, "BW1407")


def test_an_object_id_fits_a_command() -> None:
    assert re.fullmatch("[0-9a-f-]{36}|", object_id(answer(message=f"oid={B};x")))
