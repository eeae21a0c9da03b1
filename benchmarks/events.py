"""Events beside the logging, telemetry and notification libraries: what emitting costs, what survives, what people get.

uv run python benchmarks/events.py [emit] [exits] [stall] [forks] [books] [digests] [sending] [--rounds N]
"""

from __future__ import annotations

from peer_parts import measure

PEERS = (
    "structlog==26.1.0",
    "loguru==0.7.3",
    "opentelemetry-sdk==1.45.2",
    "logfire==5.2.0",
    "sentry-sdk==2.75.0",
    "apprise==2.3.0",
    "standardwebhooks==1.1.0",
)
SERVERS = ("aiosmtpd==1.4.6", "trustme==1.2.1")
PARTS = ("emit", "exits", "stall", "forks", "books", "digests", "sending")


if __name__ == "__main__":
    measure("events", __doc__, PARTS, (*PEERS, *SERVERS), have_rounds=True)
