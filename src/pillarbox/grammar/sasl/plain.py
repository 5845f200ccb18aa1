"""PLAIN (RFC 4616 §2) and LOGIN (draft-murchison-sasl-login): name and password in the clear, so under TLS only."""

import base64
import binascii

import msgspec

from pillarbox.model.errors import SyntaxProblem

LOGIN_CHALLENGES = (b"Username:", b"Password:")
MESSAGE_OCTETS = 4_096


class Credentials(msgspec.Struct, frozen=True):
    """Who signs in, and as whom: `authzid` is empty when it is the same."""

    authcid: str
    password: str
    authzid: str = ""


def parse_plain(message: bytes) -> Credentials:
    """`[authzid] NUL authcid NUL passwd`. Raises: SyntaxProblem."""
    pieces = message.split(b"\0")
    if len(pieces) != 3 or not pieces[1] or not pieces[2] or len(message) > MESSAGE_OCTETS:
        raise SyntaxProblem("[authzid] NUL authcid NUL passwd")
    try:
        authzid, authcid, password = (piece.decode("utf-8") for piece in pieces)
    except UnicodeDecodeError:
        raise SyntaxProblem("UTF-8") from None
    return Credentials(authcid, password, authzid)


def format_plain(credentials: Credentials) -> bytes:
    """The one message of the client."""
    return f"{credentials.authzid}\0{credentials.authcid}\0{credentials.password}".encode()


def parse_login(name: bytes, password: bytes) -> Credentials:
    """The client's two answers. Raises: SyntaxProblem."""
    try:
        found = Credentials(name.decode("utf-8"), password.decode("utf-8"))
    except UnicodeDecodeError:
        raise SyntaxProblem("UTF-8") from None
    if not found.authcid or not found.password or "\0" in found.authcid + found.password:
        raise SyntaxProblem("a name and a password")
    return found


def decode64(text: bytes) -> bytes:
    """A base64 line of an exchange; `=` alone is the empty response (RFC 4954 §4). Raises: SyntaxProblem."""
    if text == b"=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise SyntaxProblem("base64") from None


def encode64(octets: bytes) -> bytes:
    """The line; the empty response is `=`."""
    return base64.b64encode(octets) or b"="
