"""Asks before something that is hard to take back, or about many records at once."""

from __future__ import annotations

import sys

import click

from busway.errors import UsageError

__all__ = ["confirmed"]


def confirmed(question: str, *, yes: bool, again: str) -> None:
    """Returns when the answer is yes. Nobody is asked where nobody can answer.

    :param again: the command, for the one who has to repeat it with ``--yes``.

    Raises ``UsageError`` BW1016 where there is no terminal, and stops the command (exit 130) on a no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "BW1016",
            "this is not done without a yes, and there is nobody to ask",
            where=again,
            why="standard input is no terminal",
            fix="say --yes when you mean it",
        )
    click.confirm(question, abort=True, err=True)
