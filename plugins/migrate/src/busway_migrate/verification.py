"""The judge of a new text: it must parse, lack no name it had, and have every comment it had."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator

from pyflakes import checker, messages

from busway_migrate.source_file import SourceFile, UndecodableError

__all__ = ["fault_of", "undefined_names"]

_UNDEFINED = (messages.UndefinedName, messages.UndefinedExport, messages.UndefinedLocal)


def fault_of(source: SourceFile, text: str) -> str:
    """What is wrong with ``text`` as the new text of ``source``; empty when nothing is."""
    try:
        source.encode(text)
        after = undefined_names(text)
    except UndecodableError as error:
        return f"it cannot be written in {source.encoding}: {error}"
    except (SyntaxError, ValueError, RecursionError) as error:
        return f"it would not parse any more: {error}"
    new = after - undefined_names(source.text)
    if new:
        return f"it would use names that nothing defines: {', '.join(sorted(new))}"
    lost = Counter(_comments(source.text)) - Counter(_comments(text))
    return f"a comment would be lost: {next(iter(lost))}" if lost else ""


def undefined_names(text: str) -> Counter[str]:
    """How often each name is used that nothing defines. Raises ``SyntaxError`` when ``text`` does not parse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    found = checker.Checker(tree).messages
    return Counter(str(message.message_args[0]) for message in found if isinstance(message, _UNDEFINED))


def _comments(text: str) -> Iterator[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
