"""What an error keeps of an answer: its shape and the remote's own sentences, nobody's data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway_safetyamp.remote.redacted import redacted_body, request_id_in, without_values


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b" \n", ""),
        (b"<html>Jane Canary</html>", "<24 bytes of HTML>"),
        (b"Jane Canary", "<11 bytes of text>"),
        (b'"Jane Canary"', '"<text>"'),
        (b"[1, 2]", '"<list of 2>"'),
        (b'{"message": "Too Many Attempts."}', '{"message":"Too Many Attempts."}'),
        (
            b'{"message": "jane@canary.test is taken", "data": {"first_name": "Jane", "gender": 1, "ok": true}}',
            '{"message":"\u2026 is taken","data":{"first_name":"<text>","gender":"<number>","ok":true}}',
        ),
        (
            b'{"errors": {"email": ["The email \\"jane@canary.test\\" is taken.", 7]}}',
            '{"errors":{"email":["The email \u2026 is taken.","<number>"]}}',
        ),
        (
            b'{"error": {"code": "Authorization_RequestDenied", "message": "no", "innerError": {"date": "x"}}}',
            '{"error":{"code":"Authorization_RequestDenied","message":"no","innerError":{"date":"x"}}}',
        ),
        (b'{"Jane Canary": 1, "user": [{"name": "Jane"}]}', '{"user":"<list of 1>"}'),
    ],
)
def test_a_body_is_shown_by_its_shape(body: bytes, shown: str) -> None:
    assert redacted_body(body) == shown


def test_a_body_is_never_long() -> None:
    many = b'{"errors": {' + b",".join(b'"f%d": ["%s"]' % (at, b"no " * 200) for at in range(200)) + b"}}"
    assert len(redacted_body(many)) == 1000


@given(st.text(st.characters(exclude_characters='"')), st.text())
def test_a_quoted_value_and_an_address_never_pass(value: str, local: str) -> None:
    assert "canary" not in without_values(f'The value "canary{value}" is refused.')
    assert "@" not in without_values(f"{local}@example.test is known")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"message": "x", "requestId": "a-1"}', "a-1"),
        (b'{"error": {"code": "x", "innerError": {"request-id": "b-2"}}}', "b-2"),
        (b'{"requestId": "two words"}', ""),
        (b'{"requestId": 7}', ""),
        (b'{"error": "text"}', ""),
        (b'{"error": {}}', ""),
        (b"[]", ""),
        (b"<html>", ""),
    ],
)
def test_the_name_of_a_call_is_found_where_remotes_put_it(body: bytes, found: str) -> None:
    assert request_id_in(body) == found
