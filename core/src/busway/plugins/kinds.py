"""The kinds of plugins, and the built-ins of each. Imports nothing: the command line's help passes here."""

from __future__ import annotations

__all__ = ["BUILT_INS", "KINDS"]

KINDS = ("secrets", "caches", "sinks", "validators", "jobs")
"""The plugin kinds, in the order in which the host loads them."""

BUILT_INS: dict[str, tuple[str, ...]] = {
    "secrets": ("env", "dotenv"),
    "caches": ("memory",),
    "sinks": ("log", "ledger"),
    "validators": (),
    "jobs": (),
}
"""Names of each kind that the `busway` distribution itself provides and no other distribution can take."""
