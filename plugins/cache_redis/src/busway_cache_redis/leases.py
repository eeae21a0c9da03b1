"""Leases in Redis, by the clock of the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from busway.contracts.coordination import Lease
from busway_cache_redis.client import Client
from busway_cache_redis.names import Names
from busway_cache_redis.script import TIME, Script

__all__ = ["Leases"]

HELD = (
    TIME
    + """
local row = redis.call('HMGET', KEYS[1], 'token', 'ends', 'granted', 'holder', 'since')
local token, ends, granted = tonumber(row[1]) or 0, tonumber(row[2]) or 0, tonumber(row[3]) or 0
if ends - now > granted then
  ends = now + granted
  redis.call('HSET', KEYS[1], 'ends', text(ends))
end
"""
)
"""A clock that was set back makes no lease longer than it was granted."""

ACQUIRE = Script(
    HELD
    + """
if now < ends then return false end
token = math.max(token + 1, now)
ends = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'token', text(token), 'ends', text(ends), 'granted', ARGV[3],
  'holder', ARGV[2], 'since', text(now))
return {token, now, ends}
"""
)
"""The token is the time: it grows even when the server has lost everything it knew."""

RENEW = Script(
    HELD
    + """
if token ~= tonumber(ARGV[2]) or ends == 0 then return false end
ends = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'ends', text(ends), 'granted', ARGV[3])
return ends
"""
)
"""One whose time was over, and that nobody took meanwhile, is ours again."""

RELEASE = Script("""
local row = redis.call('HMGET', KEYS[1], 'token', 'ends')
if row[1] ~= ARGV[2] or row[2] == '0' then return 0 end
redis.call('HSET', KEYS[1], 'ends', '0', 'granted', '0')
return 1
""")

CURRENT = Script(
    HELD
    + """
if now >= ends then return false end
return {token, row[4], tonumber(row[5]), ends}
"""
)


class Leases:
    """A hash per name, which stays when the lease is over: for its token, and so that no eviction policy that spares
    keys without expiry ever frees one that is held."""

    def __init__(self, client: Client, names: Names, now_us: Callable[[], int] | None = None) -> None:
        self._client = client
        self._names = names
        self._now_us = now_us or _servers

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Takes the lease; ``None`` when somebody has it."""
        said = holder.encode("utf-8", "surrogatepass")
        answer = self._run(ACQUIRE, name, said, _microseconds(seconds))
        if answer is None:
            return None
        token, since_us, ends_us = answer
        return Lease(name, token, holder, since_us * 1000, ends_us * 1000)

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Extends it from now on; ``None`` when it was replaced or released."""
        ends_us = self._run(RENEW, lease.name, lease.token, _microseconds(seconds))
        if ends_us is None:
            return None
        return Lease(lease.name, lease.token, lease.holder, lease.since_ns, ends_us * 1000)

    def release(self, lease: Lease) -> bool:
        """Gives it back; False when it was no longer ours."""
        return bool(self._run(RELEASE, lease.name, lease.token))

    def current(self, name: str) -> Lease | None:
        """Who holds it now."""
        answer = self._run(CURRENT, name)
        if answer is None:
            return None
        token, holder, since_us, ends_us = answer
        return Lease(name, token, holder.decode("utf-8", "surrogatepass"), since_us * 1000, ends_us * 1000)

    def _run(self, script: Script, name: str, *arguments: bytes | int) -> Any:
        return self._client.run(script, [self._names.key(b"lease", name)], self._now_us(), *arguments)


def _servers() -> bytes:
    """The server reads its own clock."""
    return b""


def _microseconds(seconds: float) -> int:
    return max(1, round(seconds * 1e6))
