"""The proof that an event sink keeps the contract: subclass it, hand in your sink, run pytest.

    from busway.testing import EventSinkContract

    class TestSlackSink(EventSinkContract):
        @pytest.fixture
        def sink(self, slack_server):
            return SlackSink(SlackSettings(url=slack_server.url))

``sink`` is enough to start. Every other fixture unlocks checks that are skipped without it and say so:

``arrived``
    A function that returns the ids the receiver took, in order of arrival, repeats included: from ``sink``, and from
    the other sinks of the class where they have the same receiver.
``sent``
    A function that returns all that ``sink`` wrote or sent, decoded: bodies, headers, lines.
``secrets``
    Secrets in the settings of the sinks, as plain text: none may be in what is sent or in an error.
``build``
    A function that makes one more sink for the receiver of ``sink`` and does nothing else: building must not connect.
``poison``
    An event that the receiver of ``sink`` never takes, whatever is tried.
``partial_sink``, ``partial_batch``
    Your sink with a receiver that takes the beginning of ``partial_batch`` (three sample events) and not the rest.
    A sink that is ``atomic`` must then take nothing.
``waiting_sink``
    Your sink with a receiver that asks to wait (a 429, a 4xx of a mail server).
``unreachable_sink``
    Your sink pointed at an address where nobody listens.
``recover``
    Brings the receiver of ``unreachable_sink`` back; it moves the clock of a sink that waits before it tries again.
``hanging_sink``
    Your sink with a receiver that takes the connection and never answers. Give it a short time-out.
``slow_sink``
    Your sink with a receiver that answers late, but within the time-out.
``deliver_seconds``
    How long one delivery may take: 30, what the core waits, unless your sinks promise less.

What the checks guard: every event is accounted for, and truly, whatever it holds and whatever the receiver does;
nothing but the event leaves; an outage is told in time and ends; a sink can be built, shared and closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from busway.contracts.events import Event
from busway.contracts.sinks import EventSink
from busway.testing.sink_answers import AnswerChecks
from busway.testing.sink_contents import ContentChecks
from busway.testing.sink_life import LifeChecks
from busway.testing.sink_outages import OutageChecks
from busway.testing.sink_samples import sample_digest, sample_event, sample_events

__all__ = ["EventSinkContract", "sample_digest", "sample_event", "sample_events"]


class EventSinkContract(AnswerChecks, ContentChecks, OutageChecks, LifeChecks):
    """Checks for one sink. Subclass it under a name that pytest collects, and define the fixture ``sink``."""

    @pytest.fixture
    def sink(self) -> EventSink:
        """Your sink, its receiver willing to take everything."""
        raise NotImplementedError("define a fixture named 'sink' that returns your event sink")

    @pytest.fixture
    def arrived(self) -> Callable[[], Iterable[str]] | None:
        """Optional: the ids the receiver took, in order of arrival."""
        return None

    @pytest.fixture
    def sent(self) -> Callable[[], str] | None:
        """Optional: all that ``sink`` wrote or sent, decoded."""
        return None

    @pytest.fixture
    def secrets(self) -> Iterable[str]:
        """Optional: secrets in the settings of the sinks, as plain text."""
        return ()

    @pytest.fixture
    def build(self) -> Callable[[], EventSink] | None:
        """Optional: makes one more sink for the receiver of ``sink`` and does nothing else."""
        return None

    @pytest.fixture
    def poison(self) -> Event | None:
        """Optional: an event that the receiver of ``sink`` never takes."""
        return None

    @pytest.fixture
    def partial_sink(self) -> EventSink | None:
        """Optional: your sink with a receiver that takes the beginning of ``partial_batch`` and not the rest."""
        return None

    @pytest.fixture
    def partial_batch(self) -> list[Event]:
        """What is handed to ``partial_sink``."""
        return sample_events(3)

    @pytest.fixture
    def waiting_sink(self) -> EventSink | None:
        """Optional: your sink with a receiver that asks to wait."""
        return None

    @pytest.fixture
    def unreachable_sink(self) -> EventSink | None:
        """Optional: your sink pointed at an address where nobody listens."""
        return None

    @pytest.fixture
    def recover(self) -> Callable[[], object] | None:
        """Optional: brings the receiver of ``unreachable_sink`` back."""
        return None

    @pytest.fixture
    def hanging_sink(self) -> EventSink | None:
        """Optional: your sink with a receiver that takes the connection and never answers."""
        return None

    @pytest.fixture
    def slow_sink(self) -> EventSink | None:
        """Optional: your sink with a receiver that answers late, but within the time-out."""
        return None

    @pytest.fixture
    def deliver_seconds(self) -> float:
        """How long one delivery may take, in seconds: what the core waits, unless your sinks promise less."""
        return 30.0
