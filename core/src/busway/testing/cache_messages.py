"""Checks of the messages between the processes of a cache backend, for those that send some."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

import pytest

from busway.contracts.caches import CacheBackend, SupportsPublish
from busway.testing.cache_checks import CacheChecks

__all__ = ["MessageChecks"]

MESSAGE = b"synthetic \x00\r\n" + bytes(range(256))


class MessageChecks(CacheChecks):
    """They reach everybody who listens. They are best effort, so each check sends until one has arrived."""

    @pytest.fixture
    def news(self, backend: CacheBackend) -> SupportsPublish:
        """The backend, if it sends messages."""
        if not isinstance(backend, SupportsPublish):
            pytest.skip("this backend sends no messages")
        return backend

    @pytest.fixture
    def other_news(self, news: SupportsPublish, other: CacheBackend) -> SupportsPublish:
        """The messages of another instance."""
        assert isinstance(other, SupportsPublish), "the other instance sends no messages"
        return other

    def test_a_message_arrives_as_it_was(self, news: SupportsPublish) -> None:
        heard = _Heard()
        stop = news.subscribe(heard)
        assert self._sent_until(news, heard), "no message arrived at its sender, who listens, too"
        assert heard.messages[0] == MESSAGE, "it arrived as something else"
        stop()

    def test_a_message_reaches_another(self, news: SupportsPublish, other_news: SupportsPublish) -> None:
        heard = _Heard()
        stop = other_news.subscribe(heard)
        assert self._sent_until(news, heard), "no message arrived at another instance"
        stop()

    def test_a_subscription_that_was_stopped_is_silent(self, news: SupportsPublish) -> None:
        stopped, heard = _Heard(), _Heard()
        news.subscribe(stopped)()
        stop = news.subscribe(heard)
        before = len(stopped.messages)
        self._sent_until(news, heard)
        stop()
        assert len(stopped.messages) == before, "a message arrived after the subscription was stopped"

    def test_after_close_no_message_arrives(
        self, news: SupportsPublish, other: CacheBackend, other_news: SupportsPublish
    ) -> None:
        if other_news is news:
            pytest.skip("define the fixture 'other' to check this")
        closed, heard = _Heard(), _Heard()
        other_news.subscribe(closed)
        other.close()
        stop = news.subscribe(heard)
        self._sent_until(news, heard)
        stop()
        assert closed.messages == [], "a message arrived at a backend that was closed"

    def _sent_until(self, news: SupportsPublish, heard: _Heard) -> bool:
        def arrived() -> bool:
            news.publish(MESSAGE)
            return bool(heard.messages)

        return self.comes_true(arrived)


class _Heard:
    """What arrived, apart from the empty message that says that some may have been missed."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def __call__(self, message: bytes) -> None:
        if message:
            self.messages.append(message)
