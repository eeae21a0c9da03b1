"""The tables ``[sync]`` and ``[sync.<job>]`` of a deployment, as the engine asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from busway.configuration.deployment import Deployment
from busway.errors import Problem

if TYPE_CHECKING:
    from busway.sync.runner import SyncEngine

__all__ = ["sync_problems", "where_in_sync"]


def where_in_sync(deployment: Deployment, job: str, key: str) -> str:
    """The place of a key of ``[sync.<job>]``; of the table, or of a key of ``[sync]``, when ``key`` is empty.

    Empty for what the file does not set: whoever asks then tells that it is a default.
    """
    held = deployment.table("sync").get(job)
    is_set = (isinstance(held, Mapping) and key in held) if key else held is not None
    return deployment.where("sync", job, *filter(None, (key,))) if is_set else ""


def sync_problems(deployment: Deployment, engine: Callable[[], SyncEngine]) -> list[Problem]:
    """What is wrong with the tables. The engine is built only when its own keys are right."""
    # Imported here: most commands never come to the engine.
    from busway.sync.engine_settings import EngineSettings, job_tables

    table = deployment.table("sync")
    found = EngineSettings.problems(table, partial(where_in_sync, deployment))
    return found or engine().problems(job_tables(table))
