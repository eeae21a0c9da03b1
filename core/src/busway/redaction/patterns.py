"""Shapes that give a secret or a person away inside text, whatever the value.

Text from remotes is hostile, and this runs in the caller of every event. So each shape has literals one of which must
occur before its expression is tried, every quantifier is bounded, and an expression that has looked at a run of
characters consumes it, match or not: no text is read more than a few times. Expressions are for `re`; ``gate`` is the
same or a looser shape in the syntax of RE2, which only ever answers whether a text needs a closer look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["SHAPE", "Pattern", "default_patterns"]

Span = tuple[int, int]

SHAPE = bytes(48 if 48 <= byte <= 57 else byte for byte in bytes(range(256)).lower())
"""Table for ``bytes.translate``: letters in lower case, every digit a zero. Literals are looked for in that."""

MAX_MATCHES = 3_000
"""Matches of one shape that are looked at in one text. A text with more was made to take long."""


def _group_or_whole(found: re.Match[str]) -> Span | None:
    return found.span(1) if found.re.groups else found.span()


@dataclass(frozen=True, slots=True)
class Pattern:
    """One shape."""

    name: str
    """The marker says ``pattern.`` and this."""
    regex: re.Pattern[str]
    gate: str
    """Found by RE2 wherever ``regex`` finds something; it may find more."""
    needles: tuple[bytes, ...] = ()
    """One of these occurs in the `SHAPE` of every text that ``regex`` matches; empty when nothing is known."""
    besides: bytes = b""
    """Must occur there too."""
    field_class: str = "secrets"
    span: Callable[[re.Match[str]], Span | None] = _group_or_whole
    """What of a match is hidden: its first group, else all of it. ``None`` when on a closer look it is nothing."""

    @property
    def rule(self) -> str:
        """The name of the rule in the marker."""
        return f"pattern.{self.name}"

    def spans(self, text: str) -> Iterator[Span]:
        """The places in ``text`` that are to be hidden; after `MAX_MATCHES` all the rest."""
        for number, found in enumerate(self.regex.finditer(text)):
            if number >= MAX_MATCHES:
                yield found.start(), len(text)
                return
            span = self.span(found)
            if span is not None and span[0] < span[1]:
                yield span


BLANK = r"[ \t]{0,3}"
SECRET_WORDS = (
    r"(?:password|passwd|passphrase|pwd|secret|token|credentials?|authorization"
    r"|(?:api|access|account|shared[-_ ]?access|private|client|signing|encryption|master)[-_ ]?key"
    r"|shared[-_ ]?access[-_ ]?signature)(?:[-_ ]?(?:value|hash|old|new))?"
)
SHOWN_VALUES = frozenset(("none", "null", "true", "false", "undefined", "nil"))
URL_CHARS = r"""[^ \t\r\n\f\v/?#"'<>\\@]"""
MAIL_CHARS = r"""[^\x00-\x20@<>()\[\]{},;:"'\\/=|&?#%]"""
NOT_ASCII = "\u0080-\U0010ffff"
DOMAIN_CHARS = f"[A-Za-z0-9_{NOT_ASCII}-]"
WORD_END = r"(?![A-Za-z0-9_])"
WORD_START = r"(?<![A-Za-z0-9_])"
NUMBER_START = r"(?<![A-Za-z0-9_.+-])"
NUMBER_END = r"(?![A-Za-z0-9_-])"


def _assigned(found: re.Match[str]) -> Span | None:
    """The value without its quotes. Absence is shown, and so is a value that others are told to put in (``...``)."""
    start, end = found.span(found.lastindex or 0)
    value = found.string[start:end].lower().rstrip(".,)]}")
    return None if value in SHOWN_VALUES or not value.strip("*") else (start, end)


def _credentials(found: re.Match[str]) -> Span | None:
    """``user:password`` of an address, up to the last ``@``; a user alone is no secret."""
    start, end = found.span(1)
    return (start, end - 1) if ":" in found.string[max(start, 0) : max(end, 0)] else None


def _scheme_token(found: re.Match[str]) -> Span | None:
    """What follows ``Bearer``, unless it is a word of a sentence (``basic information``)."""
    words = found[1].rstrip(".,").replace("-", "").replace("/", "")
    return None if words.isalpha() and words.islower() and len(words) < 24 else found.span(1)


def _with_digit(found: re.Match[str]) -> Span | None:
    """A key; ``sk-`` also begins names of packages and locales."""
    return found.span() if any(char.isdigit() for char in found[0]) else None


def _address(found: re.Match[str]) -> Span | None:
    """An address, unless it is the end of ``://user:password`` and a host."""
    before = found.string[max(0, found.start() - 300) : found.start()].rpartition("://")
    user = before[2] if before[1] else ""
    return None if ":" in user and not re.search(r"[\s/?#]", user) else found.span()


def _with_claims(found: re.Match[str]) -> Span | None:
    return found.span() if found[1] else None


def _payment_card(found: re.Match[str]) -> Span | None:
    """Numbers that pass the check of payment cards (Luhn)."""
    digits = [int(char) for char in found[0] if char.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return found.span() if total % 10 == 0 else None


def _compiled(expression: str) -> re.Pattern[str]:
    # ASCII: the classes and the case folding of RE2 are those of ASCII, or wider.
    return re.compile(expression, re.ASCII)


@cache
def default_patterns() -> tuple[Pattern, ...]:
    """Every built-in shape; those that hide what a context names come first and win over what merely looks like it.

    Compiled at the first call, because most processes never redact.
    """
    return (*_in_context(), *_credentials_by_look(), *_personal())


def _in_context() -> tuple[Pattern, ...]:
    value = (
        r"(?!\.\.\.)(?:\{((?:[^}\n]|\}\}){0,4000}+)\}?"
        r"|\"((?:[^\"\\\n]|\\.){1,4000}+)|'((?:[^'\\\n]|\\.){1,4000}+)|\\{1,3}[\"']([^\"'\\]{1,4000}+)"
        r"|((?:[^ \t\r\n;,&\"'<>)\\]|\\(?![nrt\"'\\])){1,4000}+))"
    )
    scheme = r"(?:(?:bearer|basic|digest|negotiate|sharedaccesssignature)[ \t]{1,3})?"
    words = (b"password", b"passwd", b"passphrase", b"pwd", b"secret", b"token", b"credential", b"authorization")
    return (
        Pattern(
            "cookie",
            _compiled(r"(?i)\bcookie[\"']?:[ \t]{0,3}[\"']?([^\r\n\"']{1,4000}+)"),
            r"(?i)cookie[\"']?:",
            (b"cookie:", b'cookie":', b"cookie':"),
        ),
        Pattern(
            "assignment",
            _compiled(rf"(?i){SECRET_WORDS}[\\\"']{{0,4}}{BLANK}[=:]{BLANK}{scheme}{value}"),
            rf"(?i){SECRET_WORDS}[\\\"']{{0,4}}{BLANK}[=:]",
            (*words, b"key", b"signature"),
            span=_assigned,
        ),
        Pattern(
            "authorization",
            _compiled(r"(?i)\b(?:bearer|basic|negotiate)[ \t]{1,3}([A-Za-z0-9._~+/=-]{8,4000}+)"),
            r"(?i)(?:bearer|basic|negotiate)[ \t]{1,3}[A-Za-z0-9._~+/=-]{8}",
            (b"bearer", b"basic", b"negotiate"),
            span=_scheme_token,
        ),
        Pattern(
            "url-user",
            _compiled(rf"://(?:((?:{URL_CHARS}{{1,300}}+@){{1,4}}+)|{URL_CHARS}{{1,300}}+)"),
            rf"://{URL_CHARS}*@",
            (b"://",),
            besides=b"@",
            span=_credentials,
        ),
        Pattern(
            "url-query",
            _compiled(r"(?i)[?&](?:sig|signature|code|key|auth|session(?:id)?)=([A-Za-z0-9%+/=_-]{16,4000}+)"),
            r"(?i)[?&](?:sig|signature|code|key|auth|session(?:id)?)=",
            (b"sig=", b"signature=", b"code=", b"key=", b"auth=", b"session=", b"sessionid="),
        ),
    )


def _credentials_by_look() -> tuple[Pattern, ...]:
    def token(name: str, expression: str, *needles: bytes) -> Pattern:
        # RE2 has no look-around, no possessive quantifiers and no counts above 1,000; without them it finds more.
        gate = re.sub(r"\{(\d+),\d+\}\+", r"{\1,}", expression)
        return Pattern(name, _compiled(f"{WORD_START}(?:{expression})"), gate, needles, span=_with_digit)

    return (
        Pattern(
            "private-key",
            _compiled(
                r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
                r"(?:[^-]{1,4000}+|-{1,40}+(?!END )){0,4000}+(?:-----END [A-Z0-9 ]{0,40}-----)?"
            ),
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",
            (b"private key",),
        ),
        Pattern(
            "jwt",
            _compiled(r"eyJ[A-Za-z0-9_-]{5,8000}+((?:\.{1,2}[A-Za-z0-9_-]{1,8000}+){1,4}+)?"),
            r"eyJ[A-Za-z0-9_-]{5}",
            (b"eyj",),
            span=_with_claims,
        ),
        token("aws-key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", b"akia", b"asia", b"abia", b"acca"),
        token("azure-secret", r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", b"0q~"),
        token(
            "github-token",
            r"gh[oprsu]_[A-Za-z0-9]{30,255}+|github_pat_[A-Za-z0-9_]{22,255}+",
            *(b"gho_", b"ghp_", b"ghr_", b"ghs_", b"ghu_", b"github_pat_"),
        ),
        token("gitlab-token", r"gl(?:pat|rt|dt)-[A-Za-z0-9_-]{20,255}+", b"glpat-", b"glrt-", b"gldt-"),
        token("slack-token", r"xox[a-z]-[A-Za-z0-9-]{10,255}+|xapp-[A-Za-z0-9-]{10,255}+", b"xox", b"xapp-"),
        token("slack-webhook", r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{10,255}+", b"hooks.slack.com"),
        token(
            "google-key",
            r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,64}+|ya29\.[A-Za-z0-9_-]{20,1000}+",
            *(b"aiza", b"gocspx-", b"ya00."),
        ),
        token("stripe-key", r"[prs]k_(?:live|test)_[A-Za-z0-9]{10,255}+", b"k_live_", b"k_test_"),
        token("webhook-secret", r"whsec_[A-Za-z0-9+/=]{16,255}+", b"whsec_"),
        token("sendgrid-key", r"SG\.[A-Za-z0-9_-]{16,64}+\.[A-Za-z0-9_-]{16,64}+", b"sg."),
        token("registry-token", r"npm_[A-Za-z0-9]{30,255}+|pypi-[A-Za-z0-9_-]{40,1000}+", b"npm_", b"pypi-"),
        token(
            "api-token",
            r"sk-[A-Za-z0-9_-]{20,255}+|samsara_api_[A-Za-z0-9]{20,255}+|hvs\.[A-Za-z0-9_-]{20,255}+",
            *(b"sk-", b"samsara_api_", b"hvs."),
        ),
    )


def _personal() -> tuple[Pattern, ...]:
    nanp = r"(?:\+?1[ .-]?)?(?:\([2-9][0-9]{2}\)[ ]?|[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}"
    abroad = r"\+[1-9](?:[ ().-]{0,2}[0-9]){8,14}"
    return (
        Pattern(
            "email",
            _compiled(
                rf"(?<!{MAIL_CHARS}){MAIL_CHARS}{{1,1000}}+(?:@|%40)"
                rf"(?:{DOMAIN_CHARS}{{1,63}}\.){{1,8}}[A-Za-z{NOT_ASCII}]{{2,63}}"
            ),
            rf"(?:@|%40)(?:{DOMAIN_CHARS}+\.)+[A-Za-z{NOT_ASCII}]{{2}}",
            (b"@", b"%00"),
            field_class="emails",
            span=_address,
        ),
        Pattern(
            "phone",
            _compiled(rf"{NUMBER_START}(?:{nanp}|{abroad}){NUMBER_END}"),
            rf"(?:^|[^A-Za-z0-9_.+-])(?:{nanp}|{abroad})(?:$|[^A-Za-z0-9_-])",
            (b"000-0000", b"000.0000", b"000 0000", b"+0"),
            field_class="phones",
        ),
        Pattern(
            "ssn",
            _compiled(rf"{NUMBER_START}(?!000|666)[0-9]{{3}}-(?!00)[0-9]{{2}}-(?!0000)[0-9]{{4}}{NUMBER_END}"),
            r"(?:^|[^A-Za-z0-9_.+-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?:$|[^A-Za-z0-9_-])",
            (b"000-00-0000",),
            field_class="ids",
        ),
        Pattern(
            "card",
            _compiled(rf"{NUMBER_START}[3-6][0-9]{{3}}([ -])[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}{NUMBER_END}"),
            r"[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{4}",
            (b"0000 0000 0000 0000", b"0000-0000-0000-0000"),
            field_class="bank",
            span=_payment_card,
        ),
    )
