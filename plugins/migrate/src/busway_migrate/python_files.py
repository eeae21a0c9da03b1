"""The Python files of a tree, read, outlined, and parsed when a close look is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from busway_migrate.findings import Finding, FindingKind
from busway_migrate.outline import Outline, outline_of
from busway_migrate.parsed_file import ParsedFile, UnparsableError
from busway_migrate.source_file import SourceFile, UndecodableError, read_source

__all__ = ["PythonFiles"]

SUFFIXES = (".py", ".pyi", ".pyw")


class PythonFiles:
    """Each file is read once."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.sources: dict[Path, SourceFile] = {}
        self.outlines: dict[Path, Outline] = {}
        self.broken: dict[Path, Finding] = {}
        """Files that are no Python that can be read."""
        self._parsed: dict[Path, ParsedFile] = {}
        for path in paths:
            if path.suffix in SUFFIXES:
                self._read(path)

    def parsed(self, path: Path) -> ParsedFile | None:
        """The syntax tree of ``path``; ``None`` when there is none, which is then in :attr:`broken`."""
        if path not in self._parsed and path in self.outlines:
            try:
                self._parsed[path] = ParsedFile(self.sources[path])
            except UnparsableError as error:
                self._break(path, 0, str(error))
        return self._parsed.get(path)

    def closely(self, paths: Iterable[Path]) -> Iterator[ParsedFile]:
        """The trees of those ``paths`` that have one."""
        for path in paths:
            parsed = self.parsed(path)
            if parsed is not None:
                yield parsed

    def _read(self, path: Path) -> None:
        try:
            source = read_source(path, path.read_bytes())
            self.sources[path] = source
            self.outlines[path] = outline_of(source.text)
        except OSError as error:
            self._break(path, 0, error.strerror or type(error).__name__)
        except UndecodableError as error:
            self._break(path, 0, str(error))
        except SyntaxError as error:
            self._break(path, error.lineno or 0, error.msg)
        except (ValueError, RecursionError, MemoryError) as error:
            self._break(path, 0, f"{type(error).__name__}: {error}")

    def _break(self, path: Path, line: int, why: str) -> None:
        self.outlines.pop(path, None)
        fix = "mend it, or keep it out: nothing in it was looked at"
        self.broken[path] = Finding(path, line, FindingKind.UNPARSABLE, "does not parse", why, fix)
