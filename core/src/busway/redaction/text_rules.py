"""Registered values and patterns together, applied to one text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from busway.redaction import markers as marks
from busway.redaction.engine import Gate
from busway.redaction.markers import Markers
from busway.redaction.patterns import SHAPE, Pattern
from busway.redaction.values import SecretValues

__all__ = ["MAX_TEXT", "Choice", "TextRules"]

MAX_TEXT = 65_536
"""Characters of one text that are shown; the rest is cut."""
BEYOND = 8_192
"""Characters looked at behind the cut: what begins before it is hidden whole."""


class Choice(NamedTuple):
    """What may occur in a text: the only things worth looking for in it or any part of it."""

    patterns: Sequence[Pattern]
    forms: Sequence[str]


class _Span(NamedTuple):
    start: int
    rank: int
    end: int
    rule: str


@dataclass(frozen=True, slots=True)
class TextRules:
    """Hides secrets and what looks like them in text. Places that overlap are hidden as one."""

    values: SecretValues
    patterns: Sequence[Pattern]
    gate: Gate | None
    markers: Markers
    needles: tuple[bytes, ...] = field(init=False)
    """Those of all patterns."""
    blind: bool = field(init=False)
    """Whether a pattern has no needles and must be tried on every text."""

    def __post_init__(self) -> None:
        needles = dict.fromkeys(needle for pattern in self.patterns for needle in pattern.needles)
        object.__setattr__(self, "needles", tuple(needles))
        object.__setattr__(self, "blind", not all(pattern.needles for pattern in self.patterns))

    def choice(self, text: str) -> Choice | None:
        """What ``text`` may contain; ``None`` when there is nothing to hide in it, which is most often so.

        A text may be several, joined by line feeds: what occurs in one of them is in the choice.
        """
        try:
            data = text.encode()
            if self.gate is not None and not self.gate.suspects(data):
                return None
        except UnicodeEncodeError:
            data = _encoded(text)  # RE2 does not see around lone surrogates
        forms = self.values.candidates(data)
        if not forms and self.gate is None and not self._may_match(data.translate(SHAPE)):
            return None
        return _narrowed(Choice(self.patterns, forms), text, data)

    def is_clean(self, data: bytes) -> bool:
        """True when there is nothing to hide in ``data``, UTF-8 that holds texts as they are; False in doubt."""
        return self.gate is not None and not self.gate.suspects(data)

    def _may_match(self, shape: bytes) -> bool:
        """The quick look of all patterns at once."""
        for needle in self.needles:
            if needle in shape:
                return True
        return self.blind

    def redacted(self, text: str, choice: Choice | None = None) -> str:
        """``text`` with markers, cut at `MAX_TEXT`. ``choice``: of this text, or of a longer one that contains it."""
        if len(text) > MAX_TEXT:
            return self._cut(text)
        chosen = self.choice(text) if choice is None else _narrowed(choice, text, _encoded(text))
        return self._replaced(text, chosen, len(text)) if chosen is not None else text

    def _cut(self, text: str) -> str:
        window = text[: MAX_TEXT + max(BEYOND, self.values.longest)]
        chosen = self.choice(window)
        shown = self._replaced(window, chosen, MAX_TEXT) if chosen is not None else window[:MAX_TEXT]
        return shown + marks.TOO_LONG

    def _replaced(self, text: str, choice: Choice, limit: int) -> str:
        """The text up to ``limit`` (in ``text``), spans replaced."""
        pieces, shown = [], 0
        for span in _merged(self._spans(text, choice)):
            if span.start >= limit:
                break
            pieces += [text[shown : span.start], self.markers.of(span.rule, text[span.start : span.end])]
            shown = span.end
        return "".join((*pieces, text[shown:limit])) if pieces else text[:limit]

    def _spans(self, text: str, choice: Choice) -> Iterator[_Span]:
        for rank, pattern in enumerate(choice.patterns):
            for start, end in pattern.spans(text):
                # What is already a marker stays as it is, so that a second pass changes nothing.
                if text[start:end] not in self.markers:
                    yield _Span(start, rank, end, pattern.rule)
        for form in choice.forms:
            for start in _places(text, form):
                yield _Span(start, len(choice.patterns), start + len(form), "secret")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _narrowed(choice: Choice, text: str, data: bytes) -> Choice | None:
    """What of ``choice`` may occur in ``text``, which ``data`` encodes; ``None`` for nothing."""
    shape = data.translate(SHAPE)
    patterns = [pattern for pattern in choice.patterns if _may_occur(pattern, shape, text)]
    forms = [form for form in choice.forms if form in text]
    return Choice(patterns, forms) if patterns or forms else None


def _may_occur(pattern: Pattern, shape: bytes, text: str) -> bool:
    if pattern.besides not in shape:
        return False
    for needle in pattern.needles:
        if needle in shape:
            return True
    return not pattern.needles and pattern.regex.search(text) is not None


def _places(text: str, form: str) -> Iterator[int]:
    """Where ``form`` begins in ``text``, also where it overlaps itself."""
    start = text.find(form)
    while start >= 0:
        yield start
        start = text.find(form, start + 1)


def _merged(spans: Iterator[_Span]) -> Iterator[_Span]:
    """Spans in order, those that overlap made one under the rule of the first."""
    current: _Span | None = None
    for span in sorted(spans):
        if current is None or span.start >= current.end:
            if current is not None:
                yield current
            current = span
        elif span.end > current.end:
            current = current._replace(end=span.end)
    if current is not None:
        yield current
