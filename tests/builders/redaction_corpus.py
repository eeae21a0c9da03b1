"""Texts that redaction must change, and texts that it must leave alone. All of it is made up."""

from __future__ import annotations

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\n\nMIIabc-def\n-----END RSA PRIVATE KEY-----"

HITS = [
    ("cookie", "Cookie: sid=abc123; theme=dark", "sid=abc123; theme=dark"),
    ("cookie", "set-cookie: a=b\nnext line stays", "a=b"),
    ("assignment", "Server=h;UID=u;PWD={a;b}}c};Encrypt=yes", "a;b}}c"),
    ("assignment", "AccountName=x;AccountKey=Zm9v+/==;EndpointSuffix=core.windows.net", "Zm9v+/=="),
    ("assignment", "Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey=abc=", "abc="),
    ("assignment", '{"api_key": "k-123"}', "k-123"),
    ("assignment", '{"password": "a\\"b c"}', 'a\\"b c'),
    ("assignment", "{'client_secret': 'x y'}", "x y"),
    ("assignment", '"{\\"password\\": \\"pa ss\\"}"', "pa ss"),
    ("assignment", "password=DOMAIN\\secret1", "DOMAIN\\secret1"),
    ("assignment", "Authorization: Bearer abcdefgh.ijkl", "abcdefgh.ijkl"),
    ("assignment", "https://h/cb?access_token=abc&x=1", "abc"),
    ("authorization", "sent Bearer abcdefgh.IJKL1 to", "abcdefgh.IJKL1"),
    ("authorization", "basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("url-user", "amqp://user:hunter22@host/", "user:hunter22"),
    ("url-user", "amqps://svc:p@ss@host:5671/v", "svc:p@ss"),
    (
        "url-query",
        "https://x.blob.core.windows.net/c?sv=1&sig=abcdefghij%2B0123456789%3D",
        "abcdefghij%2B0123456789%3D",
    ),
    ("url-query", "https://f.azurewebsites.net/api?code=abcdefghij0123456789==", "abcdefghij0123456789=="),
    ("private-key", f"a {PEM} b", PEM),
    ("private-key", "{}".format(PEM.replace("\n", "\\n")), PEM.replace("\n", "\\n")),
    ("private-key", f"cut: {PEM[:60]}", PEM[:60]),
    ("jwt", f"got {JWT}.", JWT),
    ("jwt", "eyJhbGciOiJub25l.eyJzdWIiOiIxIn0.", "eyJhbGciOiJub25l.eyJzdWIiOiIxIn0"),
    ("jwt", "eyJhbGciOiJkaXIifQ..iv123456.cipher12.tag12345", "eyJhbGciOiJkaXIifQ..iv123456.cipher12.tag12345"),
    ("aws-key", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("azure-secret", "abc8Q~" + "d" * 34, "abc8Q~" + "d" * 34),
    ("github-token", "ghp_" + "a1B2" * 9, "ghp_" + "a1B2" * 9),
    ("github-token", "github_pat_" + "a1B2" * 9, "github_pat_" + "a1B2" * 9),
    ("gitlab-token", "glpat-" + "a1B2-" * 4, "glpat-" + "a1B2-" * 4),
    ("slack-token", "xoxb-123456789012-abcDEF", "xoxb-123456789012-abcDEF"),
    ("slack-webhook", "https://hooks.slack.com/services/T0/B0/abcdef123", "hooks.slack.com/services/T0/B0/abcdef123"),
    ("google-key", "AIza" + "Sy1" * 11 + "ab", "AIza" + "Sy1" * 11 + "ab"),
    ("stripe-key", "sk_live_" + "a1B2" * 6, "sk_live_" + "a1B2" * 6),
    ("webhook-secret", "whsec_" + "a1B2" * 8, "whsec_" + "a1B2" * 8),
    ("sendgrid-key", "SG." + "a1B2" * 5 + "." + "c3D4" * 5, "SG." + "a1B2" * 5 + "." + "c3D4" * 5),
    ("registry-token", "npm_" + "a1B2" * 9, "npm_" + "a1B2" * 9),
    ("api-token", "sk-proj-" + "a1B2" * 9, "sk-proj-" + "a1B2" * 9),
    ("email", "no mailbox for jane.doe+x@mail.example.test.", "jane.doe+x@mail.example.test"),
    ("email", "jürgen@exämple.de", "jürgen@exämple.de"),
    ("email", "https://h/?u=jane%40example.test&x=1", "jane%40example.test"),
    ("email", "<mailto:jane@example.test>", "jane@example.test"),
    ("phone", "call +1 (555) 010-9999 now", "+1 (555) 010-9999"),
    ("phone", "(415) 555-2671", "(415) 555-2671"),
    ("phone", "415.555.2671,", "415.555.2671"),
    ("phone", "+41446681800", "+41446681800"),
    ("phone", "+44 20 7946 0958", "+44 20 7946 0958"),
    ("ssn", "ssn 078-05-1120.", "078-05-1120"),
    ("card", "4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("card", "5500-0000-0000-0004", "5500-0000-0000-0004"),
]

SURVIVORS = """
employee 10482: hire date missing
10482
2015-01-01
2026-01-31T12:30:00Z
2026-01-31T12:30:00.123456+05:30
2026-01-31 12:30:00,123 -0800
1769862600123456789
1769862600123456
0199f3c2-7d4e-7abc-8def-0123456789ab
8f0f2c1e-6d0b-4f4a-9e43-2f3b1f6a1c55
12345678-1234-1234-1234-123456789012
550e8400-e29b-41d4-a716-446655440000
session 0199f3c2-7d
1.2.3
v2.19.0-rc.1+build.7
lodash@4.17.21
python 3.11.7, google-re2 1.1.20251105
$1,234.56
CHF 1'234.50
12 345 678
price 1499.00 EUR
50 % of 3 titles
12:30
a=b
192.168.1.10:5432
10.0.0.1 - - [31/Jan/2026:12:30:00 +0000]
fe80::1ff:fe23:4567:890a
https://api.example.test:8443/v1/vehicles?page=3&size=200
sqlite:///vista.db
1FTFW1ET5DFC10312
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
tokens_used: 50
the token was refreshed
basic information about bearer authentication
password: null
secret = None
{"password": null, "token": false}
export SAFETYAMP_TOKEN=...
C:\\Program Files\\busway
viewpoint.projects, vista.employees/10482
created 12 updated 40 unchanged 1,821
Mr. O'Neil-Smith works at 12 Main Street
1e+10, -5, +3.5, +12
order 100-20-300
part 5000 6000 7000
4111 1111 1111 1112
git clone ssh://git@host/path
C++ & C# <b>bold</b>
sk-learn-extensions-package
msg.subject.line
eyJ is how they begin
x@y
@mention and #tag
""".strip().splitlines()
