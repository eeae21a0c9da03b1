from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.redaction.keys import KeyRules, words_of

RULES = KeyRules()


def listed(text: str) -> list[str]:
    return text.split()


HITS = listed(
    """
password pwd Password SMTP_PASSWORD SqlServerAdminPassword dbpassword passwordHash old_password new-password
secret clientSecret client_secret clientsecret SAFETYAMP_TOKEN accessToken refresh_token apiKey x-api-key X-API-KEY
api_key apikey Authorization connectionString SQL_CONNECTION_STRING privateKey cookie Set-Cookie FILE_CACHE_KEY
name firstName first_name LASTNAME last-name MidName middle_name displayName full_name preferredName
email emailAddress work_email userPrincipalName mail phone mobile_phone phoneNumber mobile homePhone
address address_2 street zip zipCode postal_code date_of_birth birthDate dob gender ssn SocialSecurityNumber
\uff30\uff21\uff33\uff33\uff37\uff2f\uff32\uff24 p\u200bassword employee.email pass_word
"""
)

MISSES = listed(
    """
tokens_used author authority name_count entity job reason job_name file_name hostname session_id source key keyboard
passenger secretary monkey email_count description title department status operation tokenizer password_age_days
street_count compass zipper mobility count id number plugin_name
"""
)


@pytest.mark.parametrize("key", HITS)
def test_secret_and_personal_keys_are_recognised(key: str) -> None:
    assert RULES.match(key)


@pytest.mark.parametrize("key", MISSES)
def test_ordinary_keys_are_left_alone(key: str) -> None:
    assert RULES.match(key) is None


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("SQLServerAdmin", ("sql", "server", "admin")),
        ("x-api-key", ("x", "api", "key")),
        ("address2", ("address", "2")),
        ("", ()),
    ],
)
def test_keys_are_cut_into_words(key: str, words: tuple[str, ...]) -> None:
    assert words_of(key) == words


@pytest.mark.parametrize("filler", ["\u200b", "\u00ad", "\ufe0f", "\u3164", "\u034f", "\U000e0101", "\u2060"])
def test_characters_without_a_shape_do_not_hide_a_key(filler: str) -> None:
    assert RULES.match(f"pass{filler}word") == "password"


@given(st.text(max_size=40))
def test_any_key_has_a_verdict(key: str) -> None:
    verdict = RULES.match(key)
    assert verdict is None or verdict == verdict.lower()


@given(st.sampled_from(["client secret", "api key", "date of birth", "mobile phone"]), st.sampled_from("_-. "))
def test_spelling_does_not_matter(phrase: str, mark: str) -> None:
    words = phrase.split()
    for spelling in (mark.join(words), mark.join(words).upper(), "".join(word.title() for word in words)):
        assert RULES.match(spelling), spelling
