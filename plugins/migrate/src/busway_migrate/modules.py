"""Names of modules: what a file is called when it is imported, and what a relative import means in it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

__all__ = ["PACKAGE_LEGACY", "Modules", "legacy_files", "legacy_module"]

LEGACY_SUFFIX = "_legacy"
"""What the name of an old module ends in once a shim has its place."""
PACKAGE_LEGACY = "init_legacy"
"""What the ``__init__`` of an old package is called then."""


def legacy_module(module: str, *, is_package: bool) -> str:
    """What the old ``module`` is called once a shim has its place."""
    return f"{module}.{PACKAGE_LEGACY}" if is_package else f"{module}{LEGACY_SUFFIX}"


def legacy_files(module: str) -> list[str]:
    """Where an old module may lie, before and after a shim has its place."""
    path = module.replace(".", "/")
    return [
        f"{path}.py",
        f"{path}{LEGACY_SUFFIX}.py",
        f"{path}/__init__.py",
        f"{path}/{PACKAGE_LEGACY}.py",
    ]


class Modules:
    """The modules of a tree, from the folders that its programs are started in."""

    def __init__(self, top: Path, files: Iterable[Path], old: Iterable[str]) -> None:
        self._python = {path for path in files if path.suffix in (".py", ".pyi")}
        self.roots = self._find_roots(top, old)
        """Folders that imports start from: the top, ``src``, and each that an old module is found from."""

    def names(self, path: Path) -> Sequence[str]:
        """What ``path`` is called when it is imported, from each root it lies under; the longest name first."""
        inside = [root for root in self.roots if path.is_relative_to(root)]
        return [_dotted(path.relative_to(root)) for root in sorted(inside, key=lambda root: len(root.parts))]

    def is_old(self, path: Path, modules: Container[str]) -> bool:
        """Whether ``path`` is one of the old ``modules``, or what ``busway migrate shims`` made of it."""
        ends = (LEGACY_SUFFIX, f".{PACKAGE_LEGACY}")
        names = self.names(path)
        return any(name.removesuffix(end) in modules for name in names for end in ("", *ends))

    def file_of(self, module: str) -> Path | None:
        """The file that is imported as ``module``."""
        parts = Path(*module.split("."))
        for base in (root / parts for root in self.roots):
            for path in (base.with_suffix(".py"), base / "__init__.py"):
                if path in self._python:
                    return path
        return None

    def old_code_of(self, module: str) -> Path | None:
        """The file that holds the code of the old ``module``: beside its shim, where there is one."""
        places = (f"{module}{LEGACY_SUFFIX}", f"{module}.{PACKAGE_LEGACY}", module)
        return next((file for place in places if (file := self.file_of(place)) is not None), None)

    def absolute(self, path: Path, level: int, module: str) -> Sequence[str]:
        """What ``module`` means in ``path`` after ``level`` dots, from each root; nothing outside the tree."""
        if level == 0:
            return [module, *self._beside(path, module)]
        found = []
        for name in self.names(path):
            parts = name.split(".") if name else []
            package = parts if path.name == "__init__.py" else parts[:-1]
            if level - 1 <= len(package):
                found.append(".".join([*package[: len(package) - level + 1], *filter(None, [module])]))
        return [name for name in found if name]

    def _beside(self, path: Path, module: str) -> Sequence[str]:
        """A script finds the modules in its own folder, whatever that folder is called elsewhere."""
        first = module.partition(".")[0]
        if path.parent in self.roots or path.parent / f"{first}.py" not in self._python:
            return []
        packages = [_dotted((path.parent / "_").relative_to(root)) for root in self.roots if path.is_relative_to(root)]
        return [f"{package.rpartition('.')[0]}.{module}" for package in packages if "." in package]

    def _find_roots(self, top: Path, old: Iterable[str]) -> tuple[Path, ...]:
        found = {top: None, top / "src": None}
        # A module without a package, such as config, is called like half the files of the world.
        for module in sorted(module for module in old if "." in module):
            parts = module.split(".")
            for ending in (Path(*parts).with_suffix(".py"), Path(*parts) / "__init__.py"):
                for path in sorted(self._python):
                    if path.name == ending.name and path.parts[-len(ending.parts) :] == ending.parts:
                        found[Path(*path.parts[: -len(ending.parts)])] = None
        return tuple(root for root in found if root.is_relative_to(top))


def _dotted(path: Path) -> str:
    parts = list(path.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1:] == ["__init__"] else parts)
