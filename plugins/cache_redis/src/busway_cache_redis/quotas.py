"""Quotas in Redis: a sliding window of the calls that were drawn, by the clock of the server."""

from __future__ import annotations

from collections.abc import Callable

from busway.contracts.coordination import Quota
from busway.stores.quota_window import check_quota
from busway_cache_redis.client import Client
from busway_cache_redis.names import Names
from busway_cache_redis.script import TIME, Script

__all__ = ["Quotas"]

TAKE = Script(
    TIME
    + """
local calls_key, used_key, asking_key, held_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local use, count, calls, period = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local since = now - period

local function parts(entry)
  local first = entry:find(':', 1, true)
  local second = entry:find(':', first + 1, true)
  return tonumber(entry:sub(1, first - 1)), tonumber(entry:sub(first + 1, second - 1)), entry:sub(second + 1)
end

local function set_back()
  local last = redis.call('LINDEX', calls_key, -1)
  if not last or parts(last) <= now then return end
  local entries = redis.call('LRANGE', calls_key, 0, -1)
  redis.call('DEL', calls_key)
  for _, entry in ipairs(entries) do
    local at, drawn, by = parts(entry)
    redis.call('RPUSH', calls_key, text(math.min(at, now)) .. ':' .. drawn .. ':' .. by)
  end
end

local function forget_old()
  local first = redis.call('LINDEX', calls_key, 0)
  while first do
    local at, drawn, by = parts(first)
    if at > since then return end
    redis.call('LPOP', calls_key)
    if redis.call('HINCRBY', used_key, by, -drawn) <= 0 then redis.call('HDEL', used_key, by) end
    first = redis.call('LINDEX', calls_key, 0)
  end
  redis.call('DEL', used_key)
end

local function asked()
  redis.call('HSET', asking_key, use, text(now))
  local all, asking = redis.call('HGETALL', asking_key), {}
  for i = 1, #all, 2 do
    if tonumber(all[i + 1]) > since then asking[all[i]] = true else redis.call('HDEL', asking_key, all[i]) end
  end
  return asking
end

local asking = asked() -- the first thing that is written: a server that is full refuses it, and all that follows
set_back()
forget_old()
local kept, used, total = {}, {}, 0
for i = 6, #ARGV, 2 do kept[ARGV[i]] = tonumber(ARGV[i + 1]) end
local all = redis.call('HGETALL', used_key)
for i = 1, #all, 2 do
  used[all[i]] = tonumber(all[i + 1])
  total = total + used[all[i]]
end

local function fits()
  if total + count > calls then return false end
  if (used[use] or 0) + count <= (kept[use] or 0) then return true end
  local others = 0
  for other, share in pairs(kept) do
    if other ~= use and asking[other] then others = others + math.max(0, share - (used[other] or 0)) end
  end
  return total + count + others <= calls or total == 0
end

local function wait()
  if fits() then return 0 end
  for _, entry in ipairs(redis.call('LRANGE', calls_key, 0, -1)) do
    local at, drawn, by = parts(entry)
    total, used[by] = total - drawn, used[by] - drawn
    if fits() then return math.max(0, at + period - now) end
  end
  return period
end

local left = math.max(wait(), (tonumber(redis.call('GET', held_key)) or 0) - now)
if left > 0 then return left end
redis.call('RPUSH', calls_key, text(now) .. ':' .. count .. ':' .. use)
redis.call('HINCRBY', used_key, use, count)
return 0
"""
)
"""The same answers as ``busway.stores.quota_window``, over one entry for each draw and the sum of each use."""

HOLD = Script(
    TIME
    + """
local ends = now + tonumber(ARGV[2])
if ends > (tonumber(redis.call('GET', KEYS[1])) or 0) then redis.call('SET', KEYS[1], text(ends)) end
return 1
"""
)


class Quotas:
    """In no period are there more calls than the quota allows, whoever draws them."""

    def __init__(self, client: Client, names: Names, now_us: Callable[[], int] | None = None) -> None:
        self._client = client
        self._names = names
        self._now_us = now_us or _servers

    def take(self, quota: Quota, count: int, use: str) -> float:
        """Draws the calls and returns 0.0, or the seconds after which to ask again. Raises ``UsageError`` BW3110."""
        check_quota(quota, count)
        kept = [word for one, share in quota.shares.items() for word in (_text(one), int(share * quota.calls))]
        keys = [self._names.key(kind, quota.name) for kind in (b"calls", b"used", b"asking", b"held")]
        period_us = max(1, round(quota.period_seconds * 1e6))
        wait_us = self._client.run(TAKE, keys, self._now_us(), _text(use), count, quota.calls, period_us, *kept)
        return int(wait_us) / 1e6

    def hold(self, quota: Quota, seconds: float) -> None:
        """Lets nobody draw for ``seconds``; a longer hold that stands already stays."""
        self._client.run(HOLD, [self._names.key(b"held", quota.name)], self._now_us(), round(seconds * 1e6))


def _text(use: str) -> bytes:
    return use.encode("utf-8", "surrogatepass")


def _servers() -> bytes:
    """The server reads its own clock."""
    return b""
