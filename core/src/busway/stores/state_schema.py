"""The schema of ``state.db``, one script per version."""

from __future__ import annotations

__all__ = ["STATE_MIGRATIONS"]

_FIRST = """
CREATE TABLE cursors (
    sink TEXT NOT NULL, file TEXT NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY (sink, file)
) WITHOUT ROWID;
CREATE TABLE sink_counts (
    sink TEXT NOT NULL, file TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (sink, file, outcome)
) WITHOUT ROWID;
CREATE TABLE dead_letters (
    sink TEXT NOT NULL, event_id TEXT NOT NULL, reason TEXT NOT NULL, event BLOB NOT NULL, at_ns INTEGER NOT NULL,
    PRIMARY KEY (sink, event_id)
) WITHOUT ROWID;
CREATE TABLE open_sessions (
    session_id TEXT PRIMARY KEY, name TEXT NOT NULL, started_ns INTEGER NOT NULL, journal TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE error_groups (
    fingerprint TEXT PRIMARY KEY, kind TEXT NOT NULL, message TEXT NOT NULL, entity_type TEXT,
    count INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE managed_records (
    job TEXT NOT NULL, target_id TEXT NOT NULL,
    PRIMARY KEY (job, target_id)
) WITHOUT ROWID;
CREATE TABLE deactivated_records (
    job TEXT NOT NULL, target_id TEXT NOT NULL,
    PRIMARY KEY (job, target_id)
) WITHOUT ROWID;
CREATE TABLE good_runs (
    job TEXT PRIMARY KEY, source_count INTEGER NOT NULL, session_id TEXT NOT NULL, at_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE used_plans (plan_id TEXT PRIMARY KEY, at_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE key_values (
    namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (namespace, key)
) WITHOUT ROWID;
"""

_SECRET_ACCESSES = """
CREATE TABLE secret_accesses (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, source TEXT NOT NULL, version TEXT NOT NULL, reader TEXT NOT NULL,
    at_ns INTEGER NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL
);
CREATE INDEX secret_accesses_by_time ON secret_accesses (at_ns);
"""

STATE_MIGRATIONS = (_FIRST, _SECRET_ACCESSES)
