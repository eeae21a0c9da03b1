"""One question to the credential at a time, and one answer for all who waited."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions

from busway_secrets_keyvault.credential import SoleCredential, TokenError

SCOPE = "https://vault.example.test/.default"


class Inner:
    """Answers when it is let go, each time with another token."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.options: list[Any] = []

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        self.options.append(options)
        self.begun.set()
        self.go.wait(30)
        return AccessTokenInfo(f"token {len(self.options)}", 4_102_444_800)


def claims(text: str) -> TokenRequestOptions:
    return {"claims": text, "tenant_id": "tenant"}


class Options(dict[str, Any]):
    """Tells when the credential has begun to look at the question."""

    def __init__(self) -> None:
        super().__init__(tenant_id="tenant")
        self.seen = threading.Event()

    def get(self, key: str, default: Any = None) -> Any:
        self.seen.set()
        return super().get(key, default)


def test_those_who_waited_take_the_same_answer_and_later_ones_ask_again() -> None:
    inner = Inner()
    credential = SoleCredential(inner, 30)
    questions = [Options() for _ in range(8)]

    def ask(question: Any) -> str:
        return credential.get_token_info(SCOPE, options=question).token

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, question) for question in questions]
        assert all(question.seen.wait(30) for question in questions)
        assert inner.begun.wait(30)
        assert credential.asked
        inner.go.set()
        tokens = {one.result() for one in asked}
    assert tokens == {"token 1"}
    assert not credential.asked
    assert credential.get_token_info(SCOPE).token == "token 2"


def test_another_question_is_not_given_that_answer() -> None:
    inner = Inner()
    credential = SoleCredential(inner, 30)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(credential.get_token_info, SCOPE, options=claims("a"))
        inner.begun.wait(30)
        second = pool.submit(credential.get_token_info, SCOPE, options=claims("b"))
        inner.go.set()
        assert (first.result().token, second.result().token) == ("token 1", "token 2")
    assert inner.options == [claims("a"), claims("b")]


def test_who_waits_too_long_is_told_so() -> None:
    inner = Inner()
    credential = SoleCredential(inner, 0.02)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(credential.get_token_info, SCOPE)
        inner.begun.wait(30)
        with pytest.raises(TokenError) as caught:
            credential.get_token_info(SCOPE)
        inner.go.set()
        first.result()
    assert caught.value.kind == ""


def test_an_odd_tenant_is_not_taken_for_one() -> None:
    inner = Inner()
    inner.go.set()
    credential = SoleCredential(inner, 1)
    credential.get_token_info(SCOPE, options={"tenant_id": "acme.example.test"})
    assert credential.tenant == "acme.example.test"
    credential.get_token_info(SCOPE, options={"tenant_id": "a\r\nforged"})
    assert credential.tenant == ""
