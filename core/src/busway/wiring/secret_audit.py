"""Keeps who asked for which secret, beyond the process that asked."""

from __future__ import annotations

import logging
import sqlite3

from busway.configuration.boot import Boot
from busway.configuration.manager import ConfigManager
from busway.errors import BuswayError
from busway.stores.secret_accesses import SecretAccessStore
from busway.stores.state import StateStore
from busway.stores.state_dir import STATE_DB

__all__ = ["keep_secret_accesses"]

_log = logging.getLogger("busway.configuration")


def keep_secret_accesses(config: ConfigManager, boot: Boot) -> None:
    """Adds the accesses of this process to the state folder, where there is one; never raises.

    A command that only reads does not create it.
    """
    if not (boot.state_dir / STATE_DB).exists():
        return
    store = StateStore(boot.state_dir)
    try:
        SecretAccessStore(store).add(config.take_secret_accesses())
    except (BuswayError, sqlite3.Error, OSError) as error:
        _log.warning("the audit of secrets was not kept: %s", type(error).__name__)
    finally:
        store.close()
