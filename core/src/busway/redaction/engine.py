"""The optional accelerator: RE2 tells in one pass whether a text may contain anything that is to be hidden.

It only ever answers yes or no. What is replaced is decided by the same code with and without it, so the answers are
the same; it saves most texts the closer look.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, Literal

from busway.errors import ConfigurationError
from busway.redaction.patterns import Pattern
from busway.redaction.values import SecretValues

__all__ = ["Engine", "Gate", "gate_of"]

Search = Callable[[bytes], bool]
PROBES = (b"", b"nothing of interest", b"password=x", b"Bearer abcdefgh", b"one@example.com", b"AKIAABCDEFGHIJKLMNOP")

Engine = Literal["auto", "re2", "re"]

MAX_SPELLED = 100_000
"""Characters of all spellings together that are worth an expression; more are looked up in the index."""
SETTLED = 100
"""Texts looked at since the values changed before they become part of the expression: compiling takes milliseconds."""

_gates: weakref.WeakSet[Gate] = weakref.WeakSet()
_left_behind: list[Search] = []
"""Expressions of the parent of this process: never freed, since somebody may have been inside of them."""


class Gate:
    """Tells texts that need a closer look from the many that do not. Safe to use from many threads.

    A forked child compiles expressions of its own: RE2 works without the lock of the interpreter and keeps mutexes in
    an expression. One that another thread held while the process was copied stays held in the copy for ever.
    """

    def __init__(self, re2: Any, patterns: Iterable[Pattern], values: SecretValues) -> None:
        self._re2 = re2
        self._patterns = [f"(?:{pattern.gate})" for pattern in patterns]
        self._values = values
        self._building = threading.Lock()
        self._by_patterns = self._search(())
        self._by_all: tuple[int, Search] = (0, self._by_patterns)
        self._version = 0
        self._looks = 0
        _gates.add(self)

    def suspects(self, data: bytes) -> bool:
        """False when neither a pattern nor a registered value occurs in ``data``, which is UTF-8."""
        version, search = self._by_all
        if version == self._values.version:
            return search(data)
        self._settle()
        return self._by_patterns(data) or bool(self._values.candidates(data))

    def _settle(self) -> None:
        """Makes the values part of the expression, once they do not change with every text."""
        if self._version != self._values.version:
            self._version, self._looks = self._values.version, 0
        self._looks += 1
        if self._looks != SETTLED or not self._building.acquire(blocking=False):
            return
        try:
            version, forms = self._values.spelled(MAX_SPELLED)
            if forms:
                self._by_all = version, self._search(forms)
        except self._re2.error:
            # Too large for RE2: the index serves as well.
            self._looks = SETTLED
        finally:
            self._building.release()

    def renew(self) -> None:
        """Leaves every expression behind; another one is compiled when there is something to look at."""
        _left_behind.extend((self._by_patterns, self._by_all[1]))
        self._building = threading.Lock()
        self._version = self._looks = 0

        def compiled_first(data: bytes) -> bool:
            search = self._search(())
            self._by_patterns, self._by_all = search, (0, search)
            return search(data)

        self._by_patterns, self._by_all = compiled_first, (0, compiled_first)

    def _search(self, forms: Iterable[str]) -> Search:
        options = self._re2.Options()
        options.never_capture = True
        options.log_errors = False
        literals = map(self._re2.escape, forms)
        compiled = self._re2.compile("|".join((*self._patterns, *literals)), options)
        return _short_way(self._re2, compiled) or (lambda data: compiled.search(data) is not None)


def _short_way(re2: Any, compiled: Any) -> Search | None:
    """The search without what the wrapper of RE2 builds around it, which costs as much again as a look at an event.

    It is not a documented part of the wrapper: ``None`` when it is not there, or does not answer as the wrapper does.
    """
    try:
        match, anywhere = compiled._regexp.Match, re2._Anchor.UNANCHORED

        def search(data: bytes) -> bool:
            found: int = match(anywhere, data, 0, len(data))[0][0]
            return found >= 0

        agrees = all(search(data) == (compiled.search(data) is not None) for data in PROBES)
    except (AttributeError, TypeError, IndexError):
        return None
    return search if agrees else None


def gate_of(patterns: Iterable[Pattern], values: SecretValues, engine: Engine) -> Gate | None:
    """The gate for ``patterns`` and ``values``; ``None`` when the plain engine does the work alone.

    Raises ``ConfigurationError`` BW1122 when ``re2`` is asked for and not installed.
    """
    if engine == "re":
        return None
    try:
        re2: Any = import_module("re2")
    except ImportError as error:
        if engine == "auto":
            return None
        raise ConfigurationError(
            "BW1122",
            "the redaction engine re2 is not installed",
            where="engine under [redaction]",
            why=type(error).__name__,
            fix='pip install "busway[fast]", or set engine = "auto"',
        ) from error
    return Gate(re2, patterns, values)


def _renew_in_child() -> None:
    gates = list(_gates)
    if gates:
        import_module("re2").purge()  # else compiling gives the parent's expressions back
    for gate in gates:
        gate.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)
