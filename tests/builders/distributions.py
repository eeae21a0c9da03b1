"""Throw-away distributions in a folder on `sys.path`: as installed, without pip."""

from __future__ import annotations

import importlib
import itertools
import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from busway.plugins.index import Index, load_index

HEAD = "from busway import hookimpl\n"

SECRET_SOURCE = """
class Made:
    serves_settings = False
    def fetch(self, name): return None
    def fetch_many(self, names): return {}
    def names(self): return ()
    def locate(self, name): return "nowhere"
    def close(self): pass
@hookimpl
def busway_secret_source(context):
    return Made()
"""
CACHE = """
class Made:
    stores_in_clear = True
    def get(self, key): return None
    def set(self, key, entry, ttl_seconds): pass
    def delete(self, key): return False
    def scan(self, pattern): return iter(())
    def close(self): pass
@hookimpl
def busway_cache_backend(context):
    return Made()
"""
SINK = """
class Made:
    def deliver(self, events): return None
    def close(self): pass
@hookimpl
def busway_event_sink(context):
    return Made()
"""
VALIDATORS = """
class Rules:
    entity = "employee"
    def validate(self, record): return None
@hookimpl
def busway_validators(context):
    return [Rules()]
"""
JOBS = """
from busway import Job, exact, always
class People(Job):
    name, entity, match_on, fields = "people", "person", exact("id"), {"name": always}
    def source(self, run): return []
    def target(self, run): return None
    def create(self, record): return record
@hookimpl
def busway_jobs(context):
    return [People()]
"""
GOOD = {"secrets": SECRET_SOURCE, "caches": CACHE, "sinks": SINK, "validators": VALIDATORS, "jobs": JOBS}
"""A plugin of each kind that works."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Installed:
    """One distribution in a site."""

    distribution: str
    version: str
    module: str
    info: Path

    @property
    def imported(self) -> bool:
        """Its module was imported, even if it then failed."""
        return self.module in sys.modules or (self.info.parent / f"{self.module}.imported").exists()


class Site:
    """A folder on `sys.path` that distributions are installed into; as a context manager it cleans up after itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._modules: list[str] = []

    def __enter__(self) -> Site:
        sys.path.insert(0, str(self.folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.path.remove(str(self.folder))
        for module in self._modules:
            sys.modules.pop(module, None)
        importlib.invalidate_caches()

    def install(
        self,
        name: str,
        source: str | None = None,
        *,
        kind: str = "sinks",
        distribution: str = "",
        version: str = "1.2",
        contract: int = 1,
        value: str = "",
        also: str = "",
    ) -> Installed:
        """Install a distribution with one plugin.

        :param source: the module; by default a plugin of `kind` that works.
        :param value: the entry point's value, in which `{module}` is replaced; by default the module.
        :param also: further lines of `entry_points.txt`; `{module}` is replaced.
        """
        distribution = distribution or f"acme-busway-{name}"
        module = f"acme_plugin_{next(_numbers)}"
        mark = "from pathlib import Path as _P; _P(__file__).with_suffix('.imported').touch()\n"
        body = GOOD[kind] if source is None else textwrap.dedent(source)
        (self.folder / f"{module}.py").write_text(mark + HEAD + body, "utf-8")
        point = value.format(module=module) or module
        groups = f"[busway.v{contract}.{kind}]\n{name} = {point}\n{also.format(module=module)}"
        info = self.metadata(distribution, version, groups)
        self._modules.append(module)
        importlib.invalidate_caches()
        return Installed(distribution, version, module, info)

    def metadata(
        self, distribution: str, version: str, entry_points: str, summary: str = "A throw-away plugin."
    ) -> Path:
        """Write the `.dist-info` of a distribution and return it."""
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\nSummary: {summary}\n"
        (info / "METADATA").write_text(text, "utf-8")
        (info / "entry_points.txt").write_text(entry_points, "utf-8")
        return info

    def uninstall(self, installed: Installed) -> None:
        """Remove the distribution's metadata and module."""
        shutil.rmtree(installed.info)
        (self.folder / f"{installed.module}.py").unlink()

    def index(self) -> Index:
        """What is installed here and nowhere else, searched anew and kept nowhere on disk."""
        return load_index(refresh=True, path=[str(self.folder)], cache_file=self.folder / "never-written.json")
