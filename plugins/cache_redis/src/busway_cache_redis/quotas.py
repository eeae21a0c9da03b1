"""Quotas in Redis: a sliding window of the calls that were drawn, by the clock of the server."""

from __future__ import annotations

from collections.abc import Callable

from busway.contracts.coordination import Quota, QuotaUse
from busway.stores.quota_window import check_quota, kept_calls
from busway_cache_redis.client import Client
from busway_cache_redis.names import Names
from busway_cache_redis.script import TIME, Script

__all__ = ["Quotas"]

LIMITS = b"quotas"
"""Of each quota its calls and period, in one hash."""

WINDOW = (
    TIME
    + """
local calls_key, asking_key, held_key, limits_key, used_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local function parts(entry)
  local first = entry:find(':', 1, true)
  local second = entry:find(':', first + 1, true)
  return tonumber(entry:sub(1, first - 1)), tonumber(entry:sub(first + 1, second - 1)), entry:sub(second + 1)
end

local function held()
  local ends, length = (redis.call('GET', held_key) or ''):match('^(%d+):(%d+)$')
  if not ends then return 0, false end
  local left = tonumber(ends) - now
  if left > tonumber(length) then return tonumber(length), true end
  return math.max(0, left), false
end
"""
)
"""``held``: the microseconds for which nobody may draw, and whether the clock was set back, which makes no hold
longer than it was."""

TAKE = Script(
    WINDOW
    + """
local use, count, calls, period = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local since = now - period

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
    local at = tonumber(all[i + 1])
    if at > now then redis.call('HSET', asking_key, all[i], text(now)) end
    if at > since then asking[all[i]] = true else redis.call('HDEL', asking_key, all[i]) end
  end
  return asking
end

local asking = asked() -- the first thing that is written: a server that is full refuses it, and all that follows
redis.call('HSET', limits_key, ARGV[6], text(calls) .. ':' .. text(period))
set_back()
forget_old()
local kept, used, total = {}, {}, 0
for i = 7, #ARGV, 2 do kept[ARGV[i]] = tonumber(ARGV[i + 1]) end
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
  local first, entries = 0, {}
  repeat -- only as far as it takes: a window may have many thousands
    entries = redis.call('LRANGE', calls_key, first, first + 63)
    for _, entry in ipairs(entries) do
      local at, drawn, by = parts(entry)
      total, used[by] = total - drawn, used[by] - drawn
      if fits() then return math.max(0, at + period - now) end
    end
    first = first + 64
  until #entries == 0
  return period
end

local left, was_set_back = held()
if was_set_back then redis.call('SET', held_key, text(now + left) .. ':' .. text(left)) end
left = math.max(wait(), left)
if left > 0 then return left end
redis.call('RPUSH', calls_key, text(now) .. ':' .. count .. ':' .. use)
redis.call('HINCRBY', used_key, use, count)
return 0
"""
)
"""The same answers as ``busway.stores.quota_window``, over one entry for each draw and the sum of each use."""

HOLD = Script(
    WINDOW
    + """
local length = math.max(tonumber(ARGV[2]), (held()))
redis.call('SET', held_key, text(now + length) .. ':' .. text(length))
return 1
"""
)

USE = Script(
    WINDOW
    + """
local calls, period = (redis.call('HGET', limits_key, ARGV[2]) or ''):match('^(%d+):(%d+)$')
if not calls then return false end
local since, drawn, asks = now - tonumber(period), {}, false
for _, entry in ipairs(redis.call('LRANGE', calls_key, 0, -1)) do
  local at, count, by = parts(entry)
  if at > since then drawn[by] = (drawn[by] or 0) + count end
end
for i, at in ipairs(redis.call('HVALS', asking_key)) do asks = asks or tonumber(at) > since end
local left = held()
if not next(drawn) and not asks and left == 0 then return false end
local answer = {tonumber(calls), tonumber(period), left}
for by, count in pairs(drawn) do
  answer[#answer + 1] = by
  answer[#answer + 1] = count
end
return answer
"""
)
"""Calls, period and hold of a quota, then how much was drawn for which use; nothing when nobody uses it."""


class Quotas:
    """In no period are there more calls than the quota allows, whoever draws them."""

    def __init__(self, client: Client, names: Names, now_us: Callable[[], int] | None = None) -> None:
        self._client = client
        self._names = names
        self._now_us = now_us or _servers

    def take(self, quota: Quota, count: int, use: str) -> float:
        """Draws the calls and returns 0.0, or the seconds after which to ask again. Raises ``UsageError`` BW3110."""
        check_quota(quota, count)
        kept = [word for one in quota.shares for word in (_text(one), kept_calls(quota, one))]
        period_us = max(1, round(quota.period_seconds * 1e6))
        about = (_text(use), count, quota.calls, period_us, _text(quota.name))
        return int(self._client.run(TAKE, self._keys(quota.name), self._now_us(), *about, *kept)) / 1e6

    def hold(self, quota: Quota, seconds: float) -> None:
        """Lets nobody draw for ``seconds``; a longer hold that stands already stays."""
        self._client.run(HOLD, self._keys(quota.name), self._now_us(), round(seconds * 1e6))

    def in_use(self) -> list[QuotaUse]:
        """How far each quota is drawn from that anybody uses now, by name."""
        names = self._client.read(b"HKEYS", self._names.key(LIMITS, ""))
        found = (self._use_of(str(name, "utf-8", "surrogatepass")) for name in sorted(names))
        return [one for one in found if one is not None]

    def _use_of(self, name: str) -> QuotaUse | None:
        answer = self._client.run(USE, self._keys(name), self._now_us(), _text(name))
        if answer is None:
            return None
        calls, period_us, held_us, *drawn = answer
        by_use = {str(use, "utf-8", "surrogatepass"): count for use, count in zip(*[iter(drawn)] * 2, strict=True)}
        return QuotaUse(name, calls, period_us / 1e6, dict(sorted(by_use.items())), held_us / 1e6)

    def _keys(self, quota: str) -> list[bytes]:
        key = self._names.key
        return [key(b"calls", quota), key(b"asking", quota), key(b"held", quota), key(LIMITS, ""), key(b"used", quota)]


def _text(use: str) -> bytes:
    return use.encode("utf-8", "surrogatepass")


def _servers() -> bytes:
    """The server reads its own clock."""
    return b""
