"""Keys whose values must not be shown, recognised however they are spelt.

A key is cut into words (``SqlServerAdminPassword`` -> sql server admin password, ``x-api-key`` -> x api key). A rule
is a phrase; it matches a key that *ends* with it, so that ``tokens_used`` and ``password_age_days`` are no secrets,
or, marked as whole, only the key that *is* it, so that ``file_name`` is no person.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from busway.redaction.field_classes import SECRETS

__all__ = ["DEFAULT_RULES", "KeyRule", "KeyRules", "words_of"]


@dataclass(frozen=True, slots=True)
class KeyRule:
    """One phrase that gives a key away."""

    name: str
    """What the marker says: ``[redacted:password]``."""
    words: tuple[str, ...]
    whole: bool = False
    """Match only a key that has no other words."""
    field_class: str = SECRETS
    """The class it belongs to, see `field_classes`."""


def _rules(name: str, *phrases: str, whole: bool = False, field_class: str = SECRETS) -> list[KeyRule]:
    return [KeyRule(name, tuple(phrase.split()), whole, field_class) for phrase in phrases]


SECRET_RULES = (
    *_rules("password", "password", "passwords", "passwd", "passphrase", "passcode", "pwd", "pw"),
    *_rules("pin", "pin", "pin code", whole=True),
    *_rules("secret", "secret", "secrets", "client secret", "secret key", "secret id", "secret access key"),
    *_rules("token", "token", "access token", "refresh token", "jwt", "sas", "bearer", "otp"),
    *_rules("api-key", "api key", "api keys", "apikey", "app key", "subscription key", "functions key"),
    *_rules("key", "private key", "access key", "account key", "signing key", "encryption key", "shared key"),
    *_rules("key", "master key", "client key", "file cache key", "webhook key"),
    *_rules("authorization", "authorization", "proxy authorization", "auth header"),
    *_rules("authorization", "auth", whole=True),
    *_rules("cookie", "cookie", "cookies", "set cookie", "csrf", "xsrf"),
    *_rules("credential", "credential", "credentials", "creds"),
    *_rules("connection-string", "connection string", "conn string", "connection str", "conn str", "dsn"),
    *_rules("signature", "signature", "hmac"),
)


def _names() -> list[KeyRule]:
    whole = ("name", "display name", "employee name", "contact name", "initials")
    parts = ("full name", "person name", "legal name", "preferred name", "nick name", "nickname")
    return [
        *_rules("name", *whole, whole=True, field_class="names"),
        *_rules("name", *parts, field_class="names"),
        *_rules("first-name", "first name", "given name", "forename", "fname", field_class="names"),
        *_rules("last-name", "last name", "family name", "surname", "maiden name", "lname", field_class="names"),
        *_rules("middle-name", "middle name", "mid name", "middle initial", "mname", field_class="names"),
    ]


def _emails() -> list[KeyRule]:
    phrases = ("email", "e mail", "email address", "mail address", "emails", "upn", "user principal name")
    return [
        *_rules("email", *phrases, field_class="emails"),
        *_rules("email", "mail", "other mails", "proxy addresses", whole=True, field_class="emails"),
    ]


def _phones() -> list[KeyRule]:
    phrases = ("phone", "phones", "telephone", "phone number", "telephone number", "cell phone", "fax")
    numbers = ("mobile number", "cell number", "fax number", "business phones")
    return [
        *_rules("phone", *phrases, *numbers, field_class="phones"),
        *_rules("mobile", "mobile", "cell", whole=True, field_class="phones"),
    ]


def _addresses() -> list[KeyRule]:
    kinds = ("home address", "mailing address", "street address", "postal address", "address line", "work address")
    codes = ("zip", "zip code", "zipcode", "postal code", "post code", "postcode")
    return [
        *_rules("address", "address", "addresses", whole=True, field_class="addresses"),
        *_rules("address", *kinds, "residential address", field_class="addresses"),
        *_rules("street", "street", "street name", "street number", field_class="addresses"),
        *_rules("zip", *codes, field_class="addresses"),
    ]


def _other_personal() -> list[KeyRule]:
    birth = ("date of birth", "birth date", "birth day", "birth year", "birthdate", "birthday", "dob")
    social = ("ssn", "social security", "social security number", "social insurance number", "national id")
    papers = ("passport", "passport number", "license number", "licence number", "tax id", "tin")
    bank = ("iban", "bank account", "account number", "routing number", "card number", "credit card", "cvv")
    origin = ("race", "ethnicity", "religion", "nationality", "marital status")
    return [
        *_rules("birth-date", *birth, field_class="birth_dates"),
        *_rules("ssn", *social, field_class="ids"),
        *_rules("id-number", *papers, field_class="ids"),
        *_rules("bank", *bank, field_class="bank"),
        *_rules("emergency-contact", "emergency contact", "next of kin", field_class="contacts"),
        *_rules("gender", "gender", "sex", "pronouns", field_class="demographics"),
        *_rules("race", *origin, whole=True, field_class="demographics"),
    ]


PERSONAL_RULES = (*_names(), *_emails(), *_phones(), *_addresses(), *_other_personal())

DEFAULT_RULES: tuple[KeyRule, ...] = (*SECRET_RULES, *PERSONAL_RULES)

QUALIFIERS = frozenset(("value", "text", "plain", "raw", "hash", "old", "new", "current", "previous", "string"))
"""Words after a phrase that do not change what the value is: ``password_hash``, ``email_old``, ``address_2``."""

DISTINCTIVE = ("password", "passphrase", "clientsecret", "accesstoken", "refreshtoken", "connectionstring")
"""Spellings so long that a key without any boundary which ends with one means it (``dbpassword``)."""


INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
"""Characters without a shape that are not of the category "format": fillers, joiners, variation selectors."""


def words_of(key: str) -> tuple[str, ...]:
    """The words of a key: compatibility forms unified, invisible characters gone, camel case split, case folded."""
    bare = key if key.isascii() else "".join(char for char in key if char not in INVISIBLE)
    visible = (char for char in unicodedata.normalize("NFKC", bare) if unicodedata.category(char) != "Cf")
    out: list[str] = [""]
    chars = "".join(visible)
    for index, char in enumerate(chars):
        if not char.isalnum():
            out.append("")
            continue
        if index and _starts_word(chars, index):
            out.append("")
        out[-1] += char
    return tuple(word.casefold() for word in out if word)


def _starts_word(chars: str, index: int) -> bool:
    before, char = chars[index - 1], chars[index]
    if char.isdigit() != before.isdigit():
        return True
    if not char.isupper():
        return False
    after = chars[index + 1 : index + 2]
    return not before.isupper() or after.islower()


class KeyRules:
    """Looks keys up among rules. Immutable; :meth:`match` is pure, so its verdicts may be kept."""

    def __init__(self, rules: Iterable[KeyRule] = DEFAULT_RULES) -> None:
        rules = tuple(rules)
        self._whole: dict[tuple[str, ...], str] = {}
        self._ending: dict[tuple[str, ...], str] = {}
        for rule in rules:
            (self._whole if rule.whole else self._ending).setdefault(rule.words, rule.name)
        self._longest = max((len(words) for words in self._ending), default=0)
        self._glued = {"".join(words): name for words, name in (self._whole | self._ending).items()}
        self.field_classes = {rule.name: rule.field_class for rule in rules}
        """The class of each rule, by its name."""

    def match(self, key: str) -> str | None:
        """Name of the rule that ``key`` meets, or ``None``."""
        words = words_of(key)
        return self._by_words(words) or self._by_words(_unqualified(words)) or self._by_spelling("".join(words))

    def _by_words(self, words: tuple[str, ...]) -> str | None:
        if words in self._whole:
            return self._whole[words]
        for length in range(min(self._longest, len(words)), 0, -1):
            name = self._ending.get(words[-length:])
            if name is not None:
                return name
        return None

    def _by_spelling(self, glued: str) -> str | None:
        """``clientsecret`` and ``PASS_WORD``: the same letters with other boundaries, or none."""
        if glued in self._glued:
            return self._glued[glued]
        return next((self._glued.get(ending) for ending in DISTINCTIVE if glued.endswith(ending)), None)


def _unqualified(words: tuple[str, ...]) -> tuple[str, ...]:
    end = len(words)
    while end > 1 and (words[end - 1] in QUALIFIERS or words[end - 1].isdigit()):
        end -= 1
    return words[:end]
