from __future__ import annotations

import base64
import html
import json
import pickle
import re
import string
import threading
import unicodedata
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.redaction.redactor import Redactor
from busway.redaction.spellings import spellings
from busway.redaction.values import SecretValues, weakness

SECRET = 'Zü"rich/p@ss+w0rd\\42=Kx9 <&>'
BODY = "MIGHAgEAMBMGByqGSM49AgEGCCqG\nAwEHBG0wawIBAQQgVcB/\nSM49=="
PEM = f"-----BEGIN EC PRIVATE KEY-----\n{BODY}\n-----END EC PRIVATE KEY-----\n"

strong = st.text(min_size=8, max_size=40).filter(lambda text: not weakness(text))


def written(value: str) -> dict[str, str]:
    """The ways in which other programs write a value, made without the code under test."""
    data = value.encode()
    return {
        "raw": value,
        "percent": quote(value, safe=""),
        "percent, slashes kept": quote(value),
        "percent, lower case": re.sub("%..", lambda found: found[0].lower(), quote(value, safe="")),
        "percent twice": quote(quote(value, safe=""), safe=""),
        "form": quote_plus(value),
        "JSON": json.dumps(value)[1:-1],
        "JSON, not ASCII": json.dumps(value, ensure_ascii=False)[1:-1],
        "JSON twice": json.dumps(json.dumps(value))[3:-3],
        "HTML": html.escape(value),
        "HTML, quotes kept": html.escape(value, quote=False),
        "repr": repr(value)[1:-1],
        "repr of bytes": repr(data)[2:-1],
        "hex": data.hex(),
        "HEX": data.hex().upper(),
        "NFD": unicodedata.normalize("NFD", value),
        "upper case": value.upper(),
        "lower case": value.lower(),
    }


@pytest.mark.parametrize("spelling", sorted(written(SECRET)))
def test_every_spelling_is_found(spelling: str) -> None:
    form = written(SECRET)[spelling]
    assert Redactor([SECRET]).redact_text(f"<< {form} >>") == "<< [redacted:secret] >>"


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"user:", b"1234567"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_found_whatever_stands_before_and_after(before: bytes, encode: object) -> None:
    assert callable(encode)
    for after in (b"", b"1", b"12", b"123"):
        shown = Redactor([SECRET]).redact_text(encode(before + SECRET.encode() + after).decode())
        assert "[redacted:secret]" in shown
        assert len(shown) - len("[redacted:secret]") <= 4 * (len(before) + len(after) + 4)
        assert SECRET.encode()[2:-2] not in base64.b64decode(shown.split("[")[0] + "====")


def test_a_value_of_several_lines_is_found_as_one_and_by_line() -> None:
    redactor = Redactor([PEM])
    inner = PEM.splitlines()[1:-1]
    for text in (
        PEM,
        PEM.replace("\n", "\\n"),
        PEM.replace("\n", " "),
        PEM.replace("\n", ""),
        PEM.replace("\n", "\r\n"),
    ):
        shown = redactor.redact_text(f"a {text} b")
        assert all(line not in shown for line in inner), shown
    assert redactor.redact_text(f"line {inner[0]} of it") == "line [redacted:secret] of it"
    assert "-----BEGIN EC PRIVATE KEY-----" not in spellings(PEM)


def test_blanks_around_a_value_do_not_hide_it() -> None:
    assert Redactor([" s3cr3t-value\n"]).redact_text("is s3cr3t-value.") == "is [redacted:secret]."


@settings(max_examples=60, deadline=None)
@given(strong, st.text(max_size=20), st.text(max_size=20))
def test_wherever_a_value_stands_it_goes(value: str, before: str, after: str) -> None:
    for form in (value, json.dumps(value)[1:-1], quote(value.encode("utf-8", "surrogatepass"), safe="")):
        redactor = Redactor([value], engine="re")
        shown = redactor.redact_text(before + form + after)
        assert form not in shown.replace("[redacted:secret]", "")
        assert redactor.failures == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(strong, max_size=5), st.text(max_size=60), st.randoms(use_true_random=False))
def test_the_index_finds_what_a_plain_search_finds(values: list[str], text: str, random: object) -> None:
    assert hasattr(random, "randrange")
    known = SecretValues(values)
    forms = sorted({form for value in values for form in spellings(value)})
    kept = known.spelled(10**9)[1]
    assert set(kept) <= set(forms)
    for form in forms[:: max(len(forms) // 20, 1)]:
        place = random.randrange(len(text) + 1)
        placed = text[:place] + form + text[place:]
        found = [one for one in known.candidates(placed.encode("utf-8", "surrogatepass")) if one in placed]
        expected = [one for one in kept if one in placed]
        assert found == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "fewer than 8"),
        ("hunter2", "fewer than 8"),
        ("   abc   ", "fewer than 8"),
        ("aaaaaaaaaa", "different characters"),
        ("********", "different characters"),
        ("12345678", "follow each other"),
        ("87654321", "follow each other"),
        ("abcdefgh", "follow each other"),
        ("password", "ordinary word"),
        ("Production", "ordinary word"),
        ("redacted", "ordinary word"),
        ("20260131", "number of fewer"),
        ("4155550123", "number of fewer"),
    ],
)
def test_weak_values_are_not_masked_and_the_reason_does_not_show_them(value: str, reason: str) -> None:
    assert reason in weakness(value)
    assert not value.strip() or value.strip() not in weakness(value)
    text = f"the {value} of employee 10482, password set in production on 20260131"
    assert Redactor([value]).redact_text(text) == text


@pytest.mark.parametrize("value", ["hunter22", "changeme", "correct horse", "482910573016", "Passw0rd", "пароль-один"])
def test_other_values_are_masked(value: str) -> None:
    assert weakness(value) == ""
    assert Redactor([value]).redact_text(f"<{value}>") == "<[redacted:secret]>"


def test_a_retired_value_may_be_shown_again_and_others_stay_hidden() -> None:
    redactor = Redactor()
    redactor.register("old-s3cret-value")
    redactor.register("new-s3cret-value")
    redactor.retire("old-s3cret-value")
    redactor.retire("never-registered")
    assert redactor.redact_text("old-s3cret-value new-s3cret-value") == "old-s3cret-value [redacted:secret]"
    assert redactor.redact({"old-s3cret-value": 1, "new-s3cret-value": 2}) == {
        "old-s3cret-value": 1,
        "[redacted:secret]": 2,
    }


def test_a_value_that_two_settings_have_stays_hidden_until_both_have_retired_it() -> None:
    redactor = Redactor()
    redactor.register("shared-s3cret", "A_PASSWORD")
    redactor.register("shared-s3cret", "B_PASSWORD")
    redactor.retire("shared-s3cret", "A_PASSWORD")
    assert redactor.redact_text("shared-s3cret") == "[redacted:secret]"
    redactor.retire("shared-s3cret", "B_PASSWORD")
    assert redactor.redact_text("shared-s3cret") == "shared-s3cret"


def test_values_that_overlap_are_hidden_as_one() -> None:
    redactor = Redactor(["abcd-efgh-1234", "1234-ijkl-mnop", "efgh-1234-ijkl"])
    assert redactor.redact_text("x abcd-efgh-1234-ijkl-mnop y") == "x [redacted:secret] y"


def test_a_value_that_overlaps_itself_leaves_nothing() -> None:
    assert Redactor(["abcd-abcd-"]).redact_text("x abcd-abcd-abcd- y") == "x [redacted:secret] y"


def test_a_value_that_contains_a_marker_is_hidden_whole() -> None:
    redactor = Redactor(["x[redacted:secret]y9", "redacted:secret"])
    assert redactor.redact_text("a x[redacted:secret]y9 b") == "a [redacted:secret] b"
    assert redactor.redact_text("a [redacted:secret] b") == "a [redacted:secret] b"


def test_nothing_of_a_value_is_in_repr_or_pickle() -> None:
    redactor = Redactor(["s3cret-in-here"])
    assert "s3cret" not in repr(redactor) + repr(redactor._text) + repr(redactor._text.values)
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(redactor)


@pytest.mark.parametrize("engine", ["re", "re2"])
def test_rotation_while_others_redact(engine: str) -> None:
    redactor = Redactor(["standing-s3cret"], engine=engine)  # type: ignore[arg-type]
    stop, shown = threading.Event(), set[str]()

    def read() -> None:
        while not stop.is_set():
            shown.add(redactor.redact_text("a standing-s3cret b"))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(150):
            value = f"{string.ascii_letters[number % 50]}-rotating-{number}"
            redactor.register(value)
            assert redactor.redact_text(f"now {value}!") == "now [redacted:secret]!"
            redactor.retire(value)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert shown == {"a [redacted:secret] b"}
    assert redactor.failures == 0
