"""Aliases: under which names the modules of a tree hand something old on, found until no new one turns up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from busway_migrate.exports import exports_of
from busway_migrate.groups import Groups
from busway_migrate.modules import Modules
from busway_migrate.python_files import PythonFiles
from busway_migrate.relevance import narrow
from busway_migrate.resolver import Alias, Resolver

__all__ = ["Aliases"]


class Aliases:
    """The names of each file that others may know something old by."""

    def __init__(self, files: PythonFiles, modules: Modules, resolver: Resolver, groups: Groups) -> None:
        self._files = files
        self._modules = modules
        self._resolver = resolver
        self._groups = groups
        self.outer: dict[Path, dict[str, int]] = {}
        """File and local name to the group of it."""

    def find(self) -> None:
        """Fills :attr:`outer` and the aliases of the resolver."""
        while True:
            if not sum(self._of_file(path) for path in self.users()):
                return

    def users(self) -> Iterator[Path]:
        """The files that import something old, or something that stands for it; not the old modules themselves."""
        for path, outline in self._files.outlines.copy().items():
            if self._modules.is_old(path, self._resolver.book.modules):
                continue
            if any(self._concerns(path, one.level, one.module, one.name) for one in outline.imports):
                yield path

    def _concerns(self, path: Path, level: int, module: str, name: str) -> bool:
        for origin in self._modules.absolute(path, level, module):
            if name == "*":
                found = origin in self._resolver.book.modules
            else:
                found = self._resolver.concerns(f"{origin}.{name}" if name else origin)
            if found:
                return True
        return False

    def _of_file(self, path: Path) -> bool:
        """Whether anything new was found in it."""
        parsed = self._files.parsed(path)
        if parsed is None:
            return False
        narrow(parsed, self._modules, self._resolver)
        known = self.outer.setdefault(path, {})
        names = self._modules.names(path)
        is_new = False
        for local, origin, is_variable in exports_of(parsed, self._modules, self._resolver):
            if local not in known:
                known[local] = self._groups.new()
            alias = Alias(origin, known[local], is_variable)
            added = [self._resolver.add_alias(f"{name}.{local}", alias) for name in names if name]
            is_new = is_new or any(added)
        return is_new
