"""Orders: what is wanted where, how it is made if it is missing, and the entry that comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from busway.contracts.caches import Entry
from busway.contracts.durations import LONGEST_SECONDS
from busway.data.decision import NANOSECONDS
from busway.data.entry_format import assemble
from busway.data.json_value import to_json
from busway.data.names import SCHEMA_VERSION, Name
from busway.data.policy import Policy
from busway.errors import UsageError

__all__ = ["Address", "Order", "check_ttl", "materialised", "packed_entry"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where an entry belongs: its name, its full key and the policy for it."""

    name: Name
    key: str
    policy: Policy


class Order:
    """How a missing value is to be made and stored."""

    __slots__ = ("loader", "metadata", "ttl_seconds")

    def __init__(
        self,
        loader: Callable[[], Any],
        ttl_seconds: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """``ttl_seconds`` overrides the policy's; a wrong one is refused here, before it costs anybody a load."""
        if ttl_seconds is not None:
            check_ttl(ttl_seconds)
        self.loader = loader
        self.ttl_seconds = ttl_seconds
        self.metadata = metadata

    @property
    def source(self) -> str:
        """The loader, in the words of the program."""
        return str(getattr(self.loader, "__qualname__", type(self.loader).__qualname__))


def packed_entry(
    address: Address, value: Any, order: Order, *, now_ns: int, stamp: int, source: str, cut: float, loaded: bool
) -> tuple[Entry, bytes]:
    """The entry for ``value``, and its stored form.

    :param cut: the share of the ttl that the jitter takes off.
    :param loaded: by a loader, whose ``None`` is remembered as long as the policy says.

    Raises ``UsageError`` BW2003 when the value or the metadata are not JSON.
    """
    policy = address.policy
    fresh = (policy.ttl if order.ttl_seconds is None else order.ttl_seconds) * (1 - cut)
    kept = policy.stale_on_error
    body, plain = to_json(value, str(address.name))
    if plain is None and loaded and policy.negative_ttl is not None:
        # Nothing is not worth serving when it is old: the next load may well find something.
        fresh, kept = min(fresh, policy.negative_ttl), 0.0
    metadata = to_json(dict(order.metadata or {}), f"the metadata of {address.name}")[1]
    fresh_until_ns = now_ns + int(fresh * NANOSECONDS)
    entry = Entry(
        value=plain,
        schema_version=SCHEMA_VERSION,
        created_at_ns=now_ns,
        fresh_until_ns=fresh_until_ns,
        kept_until_ns=fresh_until_ns + int(kept * NANOSECONDS),
        source=str(metadata.get("source", source)),
        metadata=metadata,
        generation=stamp,
    )
    return entry, assemble(entry, body)


def materialised(value: Any) -> Any:
    """``value``, read to its end when it can be read only once: the second reader of a generator would see nothing."""
    return list(value) if isinstance(value, Iterator) else value


def check_ttl(seconds: float) -> None:
    """Raises ``UsageError`` BW2008 unless ``seconds`` is a number above 0 and at most ten years."""
    kind = type(seconds)
    if (kind is int or kind is float) and 0 < seconds <= LONGEST_SECONDS:
        return
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not math.isfinite(seconds) or not 0 < seconds <= LONGEST_SECONDS:
        raise UsageError(
            "BW2008",
            f"ttl_seconds is {repr(seconds)[:40] if number else type(seconds).__name__}",
            why="an entry lives for a number of seconds, more than 0 and at most ten years",
            fix="leave ttl_seconds out to take the ttl of the policy",
        )
