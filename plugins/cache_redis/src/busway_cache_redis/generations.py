"""Generation stamps in Redis: each name has one, which only grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from busway_cache_redis.client import Client
from busway_cache_redis.names import Names
from busway_cache_redis.script import Script

__all__ = ["Generations"]

RAISE = Script("""
local held, wanted = redis.pcall('GET', KEYS[1]), ARGV[1]
if type(held) ~= 'string' or not held:match('^%d+$') then held = '0' end
if #wanted > #held or (#wanted == #held and wanted > held) then
  redis.call('SET', KEYS[1], wanted)
  return wanted
end
return held
""")
"""Compared as text: nanoseconds since the epoch have more digits than Lua's numbers hold."""


class Generations:
    """They never expire: a stamp must outlive every entry it makes invalid."""

    def __init__(self, client: Client, names: Names) -> None:
        self._client = client
        self._names = names

    def read(self, names: Sequence[str]) -> list[int]:
        """The stamp of each name; 0 where there is none."""
        if not names:
            return []
        answer = self._client.read(b"MGET", *(self._names.key(b"stamp", name) for name in names))
        return [_number(raw) for raw in answer]

    def raise_to(self, name: str, stamp: int) -> int:
        """Moves the stamp up, never down, and returns the one that holds now."""
        return _number(self._client.run(RAISE, [self._names.key(b"stamp", name)], max(0, stamp)))


def _number(raw: Any) -> int:
    return int(raw) if isinstance(raw, bytes) and raw.isdigit() else 0
