"""PLAIN, LOGIN, SCRAM verifiers (RFC 4616, draft-murchison-sasl-login, RFC 5802 §5's example)."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.sasl import plain, scram
from pillarbox.grammar.sasl.plain import Credentials
from pillarbox.model.errors import SyntaxProblem

PLAIN = [
    (b"\0tim\0tanstaaftanstaaf", Credentials("tim", "tanstaaftanstaaf")),
    (b"Ursel\0Kurt\0xipj3plmq", Credentials("Kurt", "xipj3plmq", "Ursel")),
    ("\0jürgen\0größe".encode(), Credentials("jürgen", "größe")),
]


@pytest.mark.parametrize(("message", "credentials"), PLAIN)
def test_plain_both_ways(message, credentials):
    assert plain.parse_plain(message) == credentials
    assert plain.format_plain(credentials) == message


@pytest.mark.parametrize(
    "message", [b"", b"a", b"\0a", b"\0a\0", b"\0\0b", b"a\0b\0c\0d", b"\0\xff\0b", b"\0a\0" + b"x" * 5000]
)
def test_what_is_no_plain_message_is_a_syntax_problem(message):
    with pytest.raises(SyntaxProblem):
        plain.parse_plain(message)


def test_login_answers():
    assert plain.parse_login(b"a", b"b") == Credentials("a", "b")
    for name, password in ((b"", b"b"), (b"a", b""), (b"a\0", b"b"), (b"\xff", b"b")):
        with pytest.raises(SyntaxProblem):
            plain.parse_login(name, password)


def test_base64_lines():
    assert plain.decode64(b"=") == b""
    assert plain.encode64(b"") == b"="
    assert plain.decode64(plain.encode64(b"\0a\0b")) == b"\0a\0b"
    for text in (b"a", b"a b=", b"\xff"):
        with pytest.raises(SyntaxProblem):
            plain.decode64(text)


def test_the_verifier_checks_the_example_of_the_standard():
    """RFC 5802 §5: user `user`, password `pencil`, 4096 rounds."""
    salt = base64.b64decode("QSXCR+Q6sek8bf92")
    verifier = scram.make_verifier("pencil", "sha1", salt)
    salted = hashlib.pbkdf2_hmac("sha1", b"pencil", salt, verifier.iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha1")
    assert verifier.stored_key == hashlib.sha1(client_key).digest()
    assert verifier.server_key == hmac.digest(salted, b"Server Key", "sha1")
    assert verifier.iterations >= 4096


@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_the_stored_form_both_ways(name):
    verifier = scram.make_verifier("pass\u00a0wörd", name, b"salt")
    assert scram.parse_verifier(scram.format_verifier(verifier), name) == verifier
    assert scram.normalise("a\u00a0b") == b"a b"


@given(st.text(max_size=60))
def test_any_text_is_a_verifier_or_a_syntax_problem(text):
    try:
        scram.parse_verifier(text, "sha1")
    except SyntaxProblem:
        return


@pytest.mark.parametrize("text", ["", "1:2:3", "x:YQ==:YQ==:YQ==", "1:?:YQ==:YQ=="])
def test_what_is_no_verifier_is_a_syntax_problem(text):
    with pytest.raises(SyntaxProblem):
        scram.parse_verifier(text, "sha256")
