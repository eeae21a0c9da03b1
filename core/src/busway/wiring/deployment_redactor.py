"""The redactor of a deployment: its rules, its key for hashes, and every secret of its configuration."""

from __future__ import annotations

from functools import partial

from busway.configuration.boot import Boot
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.installation_key import installation_key

__all__ = ["deployment_redactor"]


def deployment_redactor(boot: Boot, metrics: Metrics) -> Redactor:
    """Raises ``ConfigurationError`` BW1102, BW1120 to BW1122 for what is wrong under ``[redaction]``."""
    table = boot.deployment.table("redaction")
    # A key is made in the state folder only where one is needed: a command that reads leaves no trace.
    key = installation_key(boot.state_dir) if "hash" in table.values() else None
    return Redactor.from_table(table, partial(boot.deployment.where, "redaction"), hash_key=key, metrics=metrics)
