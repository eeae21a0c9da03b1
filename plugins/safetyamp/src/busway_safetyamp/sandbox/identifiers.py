"""Ids of users: opaque strings of five characters."""

from __future__ import annotations

__all__ = ["user_id"]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SPACE = 36**5
_STEP = 31_415_927  # shares no factor with 36, so that every number up to _SPACE gets its own id
_START = 27_182_818


def user_id(number: int) -> str:
    """The id of the ``number``-th user: the same in every run, and without a visible order.

    Some consist of digits only and some look like ``12E45``; whoever treats them as numbers will notice.
    """
    rest = (number * _STEP + _START) % _SPACE
    text = ""
    for _ in range(5):
        rest, digit = divmod(rest, 36)
        text = _DIGITS[digit] + text
    return text
