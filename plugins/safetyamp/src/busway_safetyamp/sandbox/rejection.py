"""How the account says no: validation errors in the words of the remote."""

from __future__ import annotations

from typing import Any

from busway.contracts.records import Record

__all__ = ["FieldErrors", "NotAllowedError", "RejectionError", "UnknownRecordError", "attribute", "is_blank"]


class RejectionError(Exception):
    """A body the account does not accept (HTTP 422); ``errors`` maps fields to their messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(f"rejected: {', '.join(errors)}")
        self.errors = errors

    @property
    def message(self) -> str:
        """The first message, and how many more there are."""
        texts = [text for field in self.errors.values() for text in field]
        more = len(texts) - 1
        if not more:
            return texts[0]
        return f"{texts[0]} (and {more} more error{'s' if more > 1 else ''})"

    def body(self) -> Record:
        """The answer as the remote writes it."""
        return {"message": self.message, "errors": self.errors}


class UnknownRecordError(Exception):
    """No record with this id (HTTP 404)."""


class NotAllowedError(Exception):
    """The resource cannot be written this way (HTTP 405)."""


class FieldErrors:
    """Collects the messages of one body."""

    __slots__ = ("_errors",)

    def __init__(self) -> None:
        self._errors: dict[str, list[str]] = {}

    def add(self, field: str, text: str) -> None:
        """One more message for ``field``."""
        self._errors.setdefault(field, []).append(text)

    def require(self, body: Record, *fields: str) -> None:
        """Each of ``fields`` must be there and hold something."""
        for field in fields:
            if is_blank(body.get(field)):
                self.add(field, f"The {attribute(field)} field is required.")

    def raise_if_any(self) -> None:
        """Raises :class:`RejectionError` when there is a message."""
        if self._errors:
            raise RejectionError(self._errors)


def is_blank(value: Any) -> bool:
    """None, or text without a visible character."""
    return value is None or (isinstance(value, str) and not value.strip())


def attribute(field: str) -> str:
    """A field's name inside a message: ``date_of_birth`` is "date of birth"."""
    return field.replace("_", " ")
