"""Line numbers of the keys of a TOML text, which `tomllib` does not keep."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

__all__ = ["KeyPath", "key_lines"]

KeyPath = tuple[str, ...]
"""The names down to a key; elements of arrays count as keys named ``0``, ``1`` and so on."""

_PART = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_VALUE = re.compile(r"[^,\]}#\r\n]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) on which each table, key and array element of ``text`` is first mentioned.

    ``text`` is TOML that `tomllib` has accepted. The scan is a best effort for messages: where it meets a form
    it does not know it stops, and the keys after that are not in the answer.
    """
    scanner = _Scanner(text)
    try:
        scanner.scan_document()
    except (_UnknownFormError, tomllib.TOMLDecodeError, RecursionError):
        return scanner.lines
    return scanner.lines


class _UnknownFormError(Exception):
    """The text has a form this scanner does not know."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._array_sizes: dict[KeyPath, int] = {}
        self.lines: dict[KeyPath, int] = {}

    def scan_document(self) -> None:
        table: KeyPath = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._skip("[["):
                table = self._array_table_header()
            elif self._skip("["):
                table = self._table_header()
            else:
                self._pair(table)
            self._take(_BLANK)

    def _table_header(self) -> KeyPath:
        line = self._line()
        self._take(_BLANK)
        table = self._inside_last_elements(self._key(), line)
        self._take(_BLANK)
        self._expect("]")
        return table

    def _array_table_header(self) -> KeyPath:
        line = self._line()
        self._take(_BLANK)
        key = self._key()
        self._take(_BLANK)
        self._expect("]]")
        array = (*self._inside_last_elements(key[:-1], line), key[-1])
        index = self._array_sizes.get(array, 0)
        self._array_sizes[array] = index + 1
        self.lines.setdefault(array, line)
        self.lines[(*array, str(index))] = line
        return (*array, str(index))

    def _inside_last_elements(self, path: KeyPath, line: int) -> KeyPath:
        """``path`` as it stands inside the newest element of every array of tables on its way."""
        found: KeyPath = ()
        for part in path:
            found = (*found, part)
            self.lines.setdefault(found, line)
            if found in self._array_sizes:
                found = (*found, str(self._array_sizes[found] - 1))
        return found

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        key = self._key()
        for depth in range(1, len(key) + 1):
            self.lines.setdefault((*table, *key[:depth]), line)
        self._take(_BLANK)
        self._expect("=")
        self._take(_BLANK)
        self._value((*table, *key))

    def _value(self, path: KeyPath) -> None:
        if self._skip("["):
            self._array(path)
        elif self._skip("{"):
            self._inline_table(path)
        elif self._text[self._at : self._at + 1] in ('"', "'"):
            self._take(_STRING)
        else:
            self._take(_BARE_VALUE)

    def _array(self, path: KeyPath) -> None:
        index = 0
        self._take(_BLANK)
        while not self._skip("]"):
            element = (*path, str(index))
            self.lines.setdefault(element, self._line())
            self._value(element)
            self._take(_BLANK)
            self._skip(",")
            self._take(_BLANK)
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._take(_BLANK)
        while not self._skip("}"):
            self._pair(path)
            self._take(_BLANK)
            self._skip(",")
            self._take(_BLANK)

    def _key(self) -> KeyPath:
        """The parts of a bare, quoted or dotted key, decoded by the parser itself."""
        node = tomllib.loads(f"{self._take(_KEY)}=0")
        path: KeyPath = ()
        while isinstance(node, dict):
            ((name, node),) = node.items()
            path = (*path, name)
        return path

    def _line(self) -> int:
        return bisect_right(self._line_starts, self._at)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _UnknownFormError
        self._at = match.end()
        return match.group()

    def _skip(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise _UnknownFormError
