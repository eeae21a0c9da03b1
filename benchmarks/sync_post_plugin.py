"""A job from an SQLite file to an HTTP server, as a plugin: what ``sync_post.py`` has Busway run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import httpx
from sync_people import FIELDS
from sync_plugin import busway_validators

from busway import (
    Complete,
    FieldRule,
    Job,
    PluginContext,
    Record,
    Run,
    Settings,
    always,
    create_only,
    exact,
    hookimpl,
    setting,
)

__all__ = ["Posted", "busway_validators"]


class PostSettings(Settings):
    """Both ends."""

    source: Path = setting(env="BENCH_SOURCE", doc="SQLite file with the table e.")
    url: str = setting(env="BENCH_URL", doc="Where the users are.")


class Posted(Job):
    """People from a table, one request for each write."""

    name, entity = "employees", "employee"
    match_on = exact("emp_id")
    fields: ClassVar[dict[str, FieldRule]] = {name: always.personal() for name in FIELDS} | {"emp_id": create_only}

    def __init__(self, source: Path, url: str) -> None:
        self._source, self._url = source, url
        self._http = httpx.Client(timeout=10)

    def source(self, run: Run) -> Iterable[Record]:
        with closing(sqlite3.connect(self._source)) as database:
            database.row_factory = sqlite3.Row
            yield from map(dict, database.execute("SELECT * FROM e"))

    def target(self, run: Run) -> Complete[Record]:
        answer = self._http.get(self._url)
        answer.raise_for_status()
        return Complete(answer.json())

    def create(self, record: Record) -> Record:
        answer = self._http.post(self._url, json=record)
        answer.raise_for_status()
        created: Record = answer.json()
        return created

    def close(self) -> None:
        self._http.close()


@hookimpl
def busway_settings() -> type[PostSettings]:
    return PostSettings


@hookimpl
def busway_jobs(context: PluginContext[PostSettings]) -> Sequence[Job]:
    return [Posted(context.settings.source, context.settings.url)]
