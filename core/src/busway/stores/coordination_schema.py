"""The schema of ``coordination.db``, one script per version."""

from __future__ import annotations

__all__ = ["COORDINATION_DB", "COORDINATION_MIGRATIONS"]

COORDINATION_DB = "coordination.db"
"""Apart from ``state.db``: quotas are drawn from many times a second, and must not wait for a long write there."""

_FIRST = """
CREATE TABLE leases (
    name TEXT PRIMARY KEY, token INTEGER NOT NULL, holder TEXT NOT NULL, presence TEXT NOT NULL,
    since_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL, granted_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE quota_calls (quota TEXT NOT NULL, use TEXT NOT NULL, at_ns INTEGER NOT NULL);
CREATE INDEX quota_calls_by_time ON quota_calls (quota, at_ns);
CREATE TABLE quota_demands (
    quota TEXT NOT NULL, use TEXT NOT NULL, at_ns INTEGER NOT NULL,
    PRIMARY KEY (quota, use)
) WITHOUT ROWID;
CREATE TABLE quota_holds (quota TEXT PRIMARY KEY, until_ns INTEGER NOT NULL) WITHOUT ROWID;
"""

_HOLDS_LIMITS_AND_SUMS = """
DROP TABLE quota_holds;
CREATE TABLE quota_holds (
    quota TEXT PRIMARY KEY, until_ns INTEGER NOT NULL, length_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE quotas (name TEXT PRIMARY KEY, calls INTEGER NOT NULL, period_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE quota_sums (
    quota TEXT NOT NULL, use TEXT NOT NULL, calls INTEGER NOT NULL,
    PRIMARY KEY (quota, use)
) WITHOUT ROWID;
INSERT INTO quota_sums SELECT quota, use, count(*) FROM quota_calls GROUP BY quota, use;
"""

COORDINATION_MIGRATIONS = (_FIRST, _HOLDS_LIMITS_AND_SUMS)
