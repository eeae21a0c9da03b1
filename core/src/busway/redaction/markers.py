"""What is written instead of a value: the rule that met it, never the match."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from busway.redaction.field_classes import FIELD_CLASSES, Treatment

__all__ = ["DEPTH", "ERROR", "OBJECT", "SECRET", "TOO_LONG", "TOO_MANY", "Markers", "marker", "within_markers"]

HASH_BYTES = 8
_HASHED = re.compile(r"\[redacted:[a-z0-9.-]{1,60}:h=[0-9a-f]{16}\]")


def marker(rule: str) -> str:
    """The marker of a rule, such as ``[redacted:password]``."""
    return f"[redacted:{rule}]"


SECRET = marker("secret")
ERROR = marker("error")
DEPTH = marker("depth")
OBJECT = marker("object")
TOO_LONG = marker("too-long")
TOO_MANY = marker("too-many")
_PLAIN = frozenset((SECRET, ERROR, DEPTH, OBJECT, TOO_LONG, TOO_MANY))


def within_markers(text: str) -> bool:
    """True for a text that the common markers contain: masking it would change the markers themselves."""
    return any(text in one for one in _PLAIN)


class Markers:
    """Makes the markers of one redactor, and knows its own when it meets them again.

    :param hash_key: up to 64 secret bytes of the installation; without it nothing is hashed, and what asks to be is
        masked.
    """

    def __init__(
        self, rules: Mapping[str, str], treatments: Mapping[str, Treatment], hash_key: bytes | None = None
    ) -> None:
        self._key = hash_key
        self._hashed = {
            rule: field_class
            for rule, field_class in rules.items()
            if hash_key and treatments.get(field_class) == "hash" and FIELD_CLASSES[field_class].may_hash
        }
        self._known = _PLAIN | {marker(rule) for rule in rules}

    def __contains__(self, text: str) -> bool:
        return text in self._known or (len(text) < 100 and _HASHED.fullmatch(text) is not None)

    def of(self, rule: str, value: object) -> str:
        """The marker that stands for ``value``, with a keyed hash where the deployment asks for one.

        The same person or address has the same hash wherever it is met: case, outer blanks and compatibility forms
        do not matter, and neither does whether a key or a pattern found it.
        """
        field_class = self._hashed.get(rule)
        if field_class is None or not isinstance(value, (str, int)):
            return marker(rule)
        if isinstance(value, str) and value in self:
            return value
        # Imported late: the module brings in OpenSSL, and few deployments hash.
        from hashlib import blake2b

        canonical = unicodedata.normalize("NFKC", str(value)).casefold().strip().encode("utf-8", "surrogatepass")
        person = field_class.encode()[: blake2b.PERSON_SIZE]
        digest = blake2b(canonical, digest_size=HASH_BYTES, key=self._key or b"", person=person)
        return f"[redacted:{rule}:h={digest.hexdigest()}]"
