"""The five jobs, one to a file, and what they share."""

from __future__ import annotations

__all__ = ["ACCOUNT", "WRITES_AT_ONCE"]

ACCOUNT = "safetyamp"
"""What all jobs write to: when it stops answering one of them, none of the others goes on knocking."""
WRITES_AT_ONCE = 4
"""Unless ``[sync.JOB] concurrency`` says another number: enough to use up the vendor's quota while each write waits a
few seconds for its answer."""
