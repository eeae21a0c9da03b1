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

_DIGESTS = """
ALTER TABLE error_groups ADD COLUMN job TEXT;
ALTER TABLE error_groups ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE error_groups ADD COLUMN examples TEXT NOT NULL DEFAULT '[]';
CREATE TABLE told_groups (
    audience TEXT NOT NULL, fingerprint TEXT NOT NULL, at_ns INTEGER NOT NULL,
    counted INTEGER NOT NULL, messages INTEGER NOT NULL,
    PRIMARY KEY (audience, fingerprint)
) WITHOUT ROWID;
CREATE TABLE unsent_digests (event_id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
"""

_DELIVERY = """
CREATE TABLE leases (
    name TEXT PRIMARY KEY, token INTEGER NOT NULL, holder TEXT NOT NULL, presence TEXT NOT NULL,
    since_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL, granted_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE settled_ahead (
    sink TEXT NOT NULL, file TEXT NOT NULL, end_offset INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (sink, file, end_offset)
) WITHOUT ROWID;
ALTER TABLE dead_letters ADD COLUMN waits_again INTEGER NOT NULL DEFAULT 0;
ALTER TABLE open_sessions ADD COLUMN presence TEXT NOT NULL DEFAULT '';
ALTER TABLE open_sessions ADD COLUMN correlation_id TEXT;
ALTER TABLE open_sessions ADD COLUMN ended_ns INTEGER;
"""

_SYNC = """
CREATE TABLE quarantine (
    job TEXT NOT NULL, key_digest TEXT NOT NULL, label TEXT NOT NULL, entity TEXT NOT NULL, action TEXT NOT NULL,
    reason TEXT NOT NULL, code TEXT NOT NULL, what TEXT NOT NULL, fields TEXT NOT NULL, record_digest TEXT NOT NULL,
    mapping_version TEXT NOT NULL, attempts INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    next_ns INTEGER NOT NULL, session_id TEXT NOT NULL, state TEXT NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL,
    decided_ns INTEGER NOT NULL,
    PRIMARY KEY (job, key_digest)
) WITHOUT ROWID;
CREATE TABLE held_plans (
    hold_id TEXT PRIMARY KEY, job TEXT NOT NULL, entity TEXT NOT NULL, at_ns INTEGER NOT NULL,
    session_id TEXT NOT NULL, brakes TEXT NOT NULL, counts TEXT NOT NULL, changes TEXT NOT NULL, state TEXT NOT NULL,
    actor TEXT NOT NULL, note TEXT NOT NULL, decided_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX held_plans_by_job ON held_plans (job, state);
CREATE TABLE pauses (
    job TEXT PRIMARY KEY, actor TEXT NOT NULL, reason TEXT NOT NULL, since_ns INTEGER NOT NULL,
    until_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE writes_in_hand (
    job TEXT NOT NULL, key_digest TEXT NOT NULL, label TEXT NOT NULL, action TEXT NOT NULL, target_id TEXT NOT NULL,
    fields TEXT NOT NULL, run_id TEXT NOT NULL, at_ns INTEGER NOT NULL,
    PRIMARY KEY (job, key_digest)
) WITHOUT ROWID;
CREATE TABLE job_progress (
    job TEXT PRIMARY KEY, run_id TEXT NOT NULL, session_id TEXT NOT NULL, planned INTEGER NOT NULL,
    done INTEGER NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL, wrote_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE fences (name TEXT PRIMARY KEY, token INTEGER NOT NULL) WITHOUT ROWID;
"""

_OPERATION = """
CREATE TABLE run_requests (
    run_id TEXT PRIMARY KEY, jobs TEXT NOT NULL, origin TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
    requested_ns INTEGER NOT NULL, missed INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    holder TEXT NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL, exit_code INTEGER,
    outcome TEXT NOT NULL, report TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX run_requests_open ON run_requests (state) WHERE state != 'ended';
CREATE INDEX run_requests_by_time ON run_requests (requested_ns);
CREATE TABLE schedule_slots (
    job TEXT PRIMARY KEY, since_ns INTEGER NOT NULL, slot_ns INTEGER NOT NULL, late_told_ns INTEGER NOT NULL
) WITHOUT ROWID;
"""

STATE_MIGRATIONS = (_FIRST, _SECRET_ACCESSES, _DIGESTS, _DELIVERY, _SYNC, _OPERATION)
