"""Answers of a backend, checked: one that is not what the contract says is a failure of the level."""

from __future__ import annotations

from typing import Any

__all__ = ["WrongAnswerError", "as_stamps", "as_texts", "wrong_answer"]


class WrongAnswerError(TypeError):
    """A backend answered with something else than the contract says; the text names types only."""


def wrong_answer(answer: object, wanted: str) -> WrongAnswerError:
    """The error for ``answer`` where ``wanted`` was to come."""
    return WrongAnswerError(f"it answered with {type(answer).__name__} instead of {wanted}")


def as_texts(found: Any) -> list[str]:
    """Keys a scan found, all of them read. Raises :class:`WrongAnswerError`."""
    if isinstance(found, str | bytes):  # it can be iterated over, too
        raise wrong_answer(found, "keys")
    keys = list(found)
    for key in keys:
        if not isinstance(key, str):
            raise wrong_answer(key, "str")
    return keys


def as_stamps(found: Any, count: int) -> list[int]:
    """``count`` generations. Raises :class:`WrongAnswerError`."""
    stamps = list(found)
    for stamp in stamps:
        if not isinstance(stamp, int):
            raise wrong_answer(stamp, "int")
    if len(stamps) != count:
        raise WrongAnswerError(f"it answered with {len(stamps)} generations for {count} names")
    return stamps
