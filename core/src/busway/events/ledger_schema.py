"""The schema of ``ledger.db``, one script per version. The ledger can be thrown away: it holds copies of events."""

from __future__ import annotations

__all__ = ["LEDGER_DB", "LEDGER_MIGRATIONS"]

LEDGER_DB = "ledger.db"

_FIRST = """
CREATE TABLE events (
    event_id TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, severity INTEGER NOT NULL, category TEXT NOT NULL,
    operation TEXT, entity_type TEXT, entity_id TEXT, session_id TEXT, attributes TEXT NOT NULL,
    error_kind TEXT, error_message TEXT, error_type TEXT, error_code TEXT
) WITHOUT ROWID;
CREATE INDEX events_by_category ON events (category, event_id);
CREATE INDEX events_by_session ON events (session_id, category);
CREATE INDEX events_by_entity ON events (entity_type, entity_id) WHERE entity_id IS NOT NULL;
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY, name TEXT NOT NULL, correlation_id TEXT, state TEXT NOT NULL,
    started_ns INTEGER NOT NULL, ended_ns INTEGER, duration_seconds REAL
) WITHOUT ROWID;
"""

_BY_TIME = "CREATE INDEX events_by_time ON events (at_ns);\n"

LEDGER_MIGRATIONS = (_FIRST, _BY_TIME)
