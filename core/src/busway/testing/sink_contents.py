"""Checks of what an event sink makes of the contents of events: odd text, big values, digests, and nothing besides."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from busway.contracts.events import Event, EventError
from busway.contracts.sinks import EventSink, SinkTraits
from busway.testing.sink_answers import expect_all_delivered, expect_known_ids, ids_of
from busway.testing.sink_samples import sample_digest, sample_event, samples_for

__all__ = ["ContentChecks"]

TEXTS = (
    "Zoë Łukasz 李雷",
    "👩‍🔧 family emoji",
    "right-to-left: שלום",
    'quotes " and <b>&amp;</b>',
    "nul\x00bell\x07",
    "escape \x1b[31m and backspace \b",
    "line\u2028separator, next\x85line",
    "=?utf-8?q?encoded?= {0} %s ${HOME}",
)
DEPTH = 32
"""Levels that redaction leaves of a nested value."""
CANARY = "canary-of-the-environment-7d00"
PYTHON = (" object at 0x", "Event(event_id", "mappingproxy(", "Traceback (most recent call last)")
"""What shows that an object was written by its ``repr``, with whatever it holds."""


class ContentChecks:
    """Whatever an event holds, it is delivered or rejected as it is, and alone."""

    def test_any_text_is_delivered(self, sink: EventSink) -> None:
        for number, text in enumerate(TEXTS, 1):
            event = sample_event(
                number,
                category=_category(sink),
                entity_id=text,
                attributes={text: text, "lines": "one\r\ntwo\n.\nthree"},
                error=EventError("validation", text),
            )
            expect_all_delivered(sink.deliver([event]), [event])

    def test_missing_parts_and_nested_attributes_are_delivered(self, sink: EventSink) -> None:
        values: dict[str, Any] = {"rows": [{"a": 1, "b": None}], "flag": True, "rate": 0.5, "big": 2**53, "none": None}
        events = [
            sample_event(
                1,
                category=_category(sink),
                entity_type=None,
                entity_id=None,
                session_id=None,
                error=None,
                attributes={},
            ),
            sample_event(2, category=_category(sink), attributes=values),
        ]
        expect_all_delivered(sink.deliver(list(events)), events)

    def test_big_attributes_do_not_break_it(self, sink: EventSink) -> None:
        """A sink may cut or reject what is too big, but it accounts for it and still delivers the next batch."""
        deep: Any = "bottom"
        for _ in range(DEPTH):
            deep = {"level": deep}
        for number, value in enumerate(("x" * 1_000_000, ["row"] * 50_000, {str(n): n for n in range(10_000)}, deep)):
            big = sample_event(number * 2 + 1, category=_category(sink), attributes={"value": value})
            delivery = sink.deliver([big])
            expect_known_ids(delivery, [big])
            accounted = delivery.delivered | delivery.rejected.keys()
            assert big.event_id in accounted, "the big event stays pending and would come again for ever"
            small = samples_for(sink, 1, first=number * 2 + 2)
            expect_all_delivered(sink.deliver(list(small)), small)

    def test_events_are_not_changed(self, sink: EventSink) -> None:
        events = samples_for(sink, 1)
        nested = {"nested": {"list": [3, 1, 2]}, "name": "sample", **events[0].attributes}
        events = [sample_event(1, category=_category(sink), attributes=nested)]
        before = copy.deepcopy(events)
        sink.deliver(events)
        assert events == before, "the sink changed the events or the list it was handed; other code may hold them"

    def test_digests_are_delivered(self, sink: EventSink, arrived: Callable[[], Iterable[str]] | None) -> None:
        traits = SinkTraits.of(sink)
        if "digests" not in traits.receives:
            pytest.skip("the sink receives no digests")
        events = [sample_digest(701, "hourly"), sample_digest(702, "first")]
        if "events" in traits.receives:
            events.insert(1, sample_event(703))
        for batch in ([events[0]], [events[-1]], events[: traits.batch_size]):
            expect_all_delivered(sink.deliver(list(batch)), batch)
        if arrived is not None:
            missing = ids_of([events[0], events[-1]]) - set(arrived())
            assert not missing, f"digests acknowledged that never arrived: {sorted(missing)}"

    def test_nothing_but_the_event_is_sent(
        self,
        sink: EventSink,
        sent: Callable[[], str] | None,
        secrets: Iterable[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Events are redacted before a sink sees them; what a sink adds of its own would pass unredacted."""
        if sent is None:
            pytest.skip("define the fixture 'sent' to have it checked that nothing but the event is sent")
        monkeypatch.setenv("BUSWAY_CANARY", CANARY)
        events = [*samples_for(sink, 2), *self._odd(sink)]
        for event in events:
            sink.deliver([event])
        text = sent()
        alien = [name for name, value in (("the environment", CANARY), ("the working folder", str(Path.cwd())))
                 if value in text]  # fmt: skip
        assert not alien, f"what is sent holds something of {', '.join(alien)}"
        assert not any(secret in text for secret in secrets), "what is sent holds a secret of the sink's settings"
        inside = [sign for sign in PYTHON if sign in text]
        assert not inside, f"what is sent holds the repr of an object: {inside}"

    @staticmethod
    def _odd(sink: EventSink) -> list[Event]:
        attributes = {"password": "[redacted:key]", "rows": [{"token": "[redacted:key]"}], "tuple": (1, 2)}
        return [sample_event(9, category=_category(sink), attributes=attributes)]


def _category(sink: EventSink) -> str:
    return "error" if "events" in SinkTraits.of(sink).receives else "digest"
