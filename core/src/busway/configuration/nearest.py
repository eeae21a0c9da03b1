"""The name somebody probably meant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

__all__ = ["Misspellings", "did_you_mean", "nearest"]

_SHORTEST = 6
"""Names below this length are like too many others: ``ENV`` and ``ENVS``, ``HOME`` and ``NAME``."""
_LIKENESS = 0.86
_MOST_EDITS = 2
_NUMBERED = re.compile(r"_?\d+$")


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The known name most like ``name``, ignoring case; empty when none is at least ``likeness`` (0 to 1) alike."""
    # Imported late: names are mistyped rarely, and every start would pay for it.
    from difflib import get_close_matches

    by_folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=likeness)
    return by_folded[found[0]] if found else ""


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A fix for an unknown name: the nearest known one, else ``otherwise``."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found else otherwise


class Misspellings:
    """Finds names that were probably meant to be one of ``known``, among many that have nothing to do with it.

    :func:`nearest` answers for a name that is wrong; here most names are right and somebody else's, so a match needs
    almost the whole name: other case or separators, one or two letters, or a part cut short (``SMTP_PASS``).
    ``TOKEN_2`` beside ``TOKEN`` is a sibling, not a misspelling.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._by_letters: dict[str, str] = {}
        self._by_length: defaultdict[int, list[tuple[str, str, str, str]]] = defaultdict(list)
        self._by_first_part: defaultdict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        for name in sorted(self._known):
            if len(name) >= _SHORTEST:
                third = len(name) // 3
                self._by_letters[_letters(name)] = name
                self._by_length[len(name)].append((name, name[:third], name[third:-third], name[-third:]))
                first, *parts = name.split("_")
                self._by_first_part[first].append((name, parts))

    def meant(self, written: str) -> str:
        """The known name that ``written`` stands for; empty for a known name, and for one that is like none."""
        if written in self._known or len(written) < _SHORTEST - 1:
            return ""
        name = written.upper()
        same = self._by_letters.get(_letters(name))
        if same is not None:
            return same
        return self._mistyped(name) or self._cut_short(name)

    def among(self, written: Iterable[str]) -> dict[str, str]:
        """The misspelt ones of ``written``, with what each stands for."""
        return {name: meant for name in written if (meant := self.meant(name))}

    def _mistyped(self, name: str) -> str:
        best, likeness = "", _LIKENESS
        for length in range(len(name) - _MOST_EDITS, len(name) + _MOST_EDITS + 1):
            for candidate, head, middle, tail in self._by_length.get(length, ()):
                # Two edits leave one third of a name as it was: three quick looks spare nearly every comparison.
                if (head in name or middle in name or tail in name) and not _is_sibling(name, candidate):
                    alike = _likeness(name, candidate)
                    best, likeness = (candidate, alike) if alike > likeness else (best, likeness)
        return best

    def _cut_short(self, name: str) -> str:
        first, *parts = name.split("_")
        for candidate, whole in self._by_first_part.get(first, ()):
            if len(parts) == len(whole) and all(map(_one_begins_the_other, parts, whole)):
                return "" if _is_sibling(name, candidate) else candidate
        return ""


def _letters(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(".", "")


def _is_sibling(name: str, candidate: str) -> bool:
    return _NUMBERED.sub("", name) in (candidate, _NUMBERED.sub("", candidate))


def _one_begins_the_other(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) >= 3 and (one.startswith(other) or other.startswith(one)))


def _likeness(name: str, candidate: str) -> float:
    """How alike the two are, 0 to 1; 0 for more than two edits."""
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, name, candidate, autojunk=False)
    edits = sum(max(a2 - a1, b2 - b1) for kind, a1, a2, b1, b2 in matcher.get_opcodes() if kind != "equal")
    return matcher.ratio() if edits <= _MOST_EDITS else 0.0
