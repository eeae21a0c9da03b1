"""Composes digests: for each audience what it has to be told, and one event for those who are told the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from busway.events.audience import Audience, address
from busway.events.digest_content import digest_record
from busway.events.digest_period import DigestPeriod
from busway.stores.error_groups import ErrorGroup
from busway.stores.told_groups import Told, ToldGroups

__all__ = ["MAX_FIRST_MESSAGES", "compose_first", "compose_hourly", "suppressed"]

MAX_FIRST_MESSAGES = 5
"""Messages sent at once to one audience between two hourly digests. Where each error reads like no other, no
fingerprint stops the flood; what comes after these is in the digest."""


def compose_first(
    groups: Sequence[ErrorGroup],
    to: Sequence[Audience],
    told: ToldGroups,
    period: DigestPeriod,
    now: int,
    due: int,
) -> Iterator[dict[str, Any]]:
    """Digests of kind ``first`` for groups that are news to an audience; notes whom they tell."""
    news: dict[str, list[ErrorGroup]] = {}
    for audience in to:
        if audience.route.first and period.first_messages(audience.name) < MAX_FIRST_MESSAGES:
            known = told.of(audience.name)
            news[audience.name] = [
                one for one in groups if audience.cares_for(one) and _is_news(one, known, audience, now)
            ]
    alike = _alike({name: tuple(group.fingerprint for group in found) for name, found in news.items() if found})
    for names in alike:
        found = news[names[0]]
        for name in names:
            told.tell(name, _counted(found), now, message=True)
        unsaid = suppressed(found, told.of(names[0]))
        yield _record("first", found, names, to, period, now, unsaid=unsaid, next_ns=due)


def compose_hourly(
    groups: Sequence[ErrorGroup], to: Sequence[Audience], told: ToldGroups, period: DigestPeriod, now: int
) -> Iterator[dict[str, Any]]:
    """Digests of kind ``hourly`` of all groups since the last one; notes whom they tell something new."""
    mine: dict[str, list[ErrorGroup]] = {}
    unsaid: dict[str, int] = {}
    for audience in to:
        found = [one for one in groups if audience.cares_for(one)]
        known = told.of(audience.name)
        if found:
            mine[audience.name], unsaid[audience.name] = found, suppressed(found, known)
            # Only news: else the repeat interval of a group that goes on would begin anew with every digest.
            fresh = [one for one in found if _is_news(one, known, audience, now)]
            told.tell(audience.name, _counted(fresh), now, message=False)
    alike = _alike({name: (unsaid[name], *(group.fingerprint for group in mine[name])) for name in mine})
    for names in alike:
        yield _record("hourly", mine[names[0]], names, to, period, now, unsaid=unsaid[names[0]], next_ns=None)


def suppressed(groups: Sequence[ErrorGroup], known: Mapping[str, Told]) -> int:
    """Errors of ``groups`` that no message was sent about at once."""
    messages = {fingerprint: one.messages for fingerprint, one in known.items()}
    return sum(max(0, group.count - messages.get(group.fingerprint, 0)) for group in groups)


def _is_news(group: ErrorGroup, known: Mapping[str, Told], audience: Audience, now: int) -> bool:
    told = known.get(group.fingerprint)
    if told is None:
        return True
    return group.count > told.counted and now - told.at_ns >= int(audience.route.repeat_seconds * 1e9)


def _counted(groups: Sequence[ErrorGroup]) -> list[tuple[str, int]]:
    return [(group.fingerprint, group.count) for group in groups]


def _alike(contents: Mapping[str, Hashable]) -> list[list[str]]:
    """Audiences with the same content, together."""
    found: dict[Hashable, list[str]] = {}
    for name, content in contents.items():
        found.setdefault(content, []).append(name)
    return list(found.values())


def _record(
    kind: str,
    groups: Sequence[ErrorGroup],
    names: Sequence[str],
    to: Sequence[Audience],
    period: DigestPeriod,
    now: int,
    *,
    unsaid: int,
    next_ns: int | None,
) -> dict[str, Any]:
    earliest = min(group.first_ns for group in groups)
    since = (period.until_ns or earliest) if kind == "hourly" else earliest
    everyone = [audience.name for audience in to]
    where = address(names, everyone)
    record = digest_record(
        kind, groups, since_ns=since, until_ns=now, suppressed=unsaid, next_ns=next_ns, address=where
    )
    for name in names:
        period.sent(name, record)
    return record
