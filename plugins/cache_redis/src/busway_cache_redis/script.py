"""A Lua script and the name the server knows it by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

__all__ = ["TIME", "Script"]

TIME = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local function text(number) return string.format('%.0f', number) end
"""
"""The beginning of scripts that keep time: ``now`` in microseconds by the server's clock (a test may hand it in as the
first argument). Nanoseconds would not fit into Lua's numbers. ``text`` writes one without losing digits."""


@dataclass(frozen=True, slots=True)
class Script:
    """Runs on the server as one step."""

    body: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.body.encode(), usedforsecurity=False).hexdigest())
