"""Patterns of the Redis level, and a scan during which the server repeats itself."""

from __future__ import annotations

from typing import Any

import pytest

from busway_cache_redis.cache import RedisCache
from busway_cache_redis.patterns import Pattern
from busway_cache_redis.settings import RedisSettings


@pytest.mark.parametrize(
    ("pattern", "asked"),
    [
        ("acme:v1:d:e:*", "acme:v1:d:e:*"),
        ("acme:v1:d:e:x", "acme:v1:d:e:x"),
        ("a?c", "a*c"),
        ("a[!b-d]c", "a*c"),
        (r"a\*\?\[\\c", r"a\*\?\[\\c"),
        ("a[b", r"a\[b"),
        ("a]b\\", r"a\]b\\"),
    ],
)
def test_the_server_is_asked_for_no_less_than_what_is_meant(pattern: str, asked: str) -> None:
    assert Pattern(pattern).asked == asked


def test_a_key_the_server_repeats_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = RedisCache(RedisSettings())
    pages: list[Any] = [[b"7", [b"a", b"b"]], [b"9", []], [b"0", [b"b", b"a", b"c"]]]
    asked: list[Any] = []

    def read(*command: Any) -> Any:
        asked.append(command[1])
        return pages[len(asked) - 1]

    monkeypatch.setattr(cache.client, "read", read)
    assert list(cache.scan("*")) == ["a", "b", "c"]
    assert asked == [b"0", b"7", b"9"]
