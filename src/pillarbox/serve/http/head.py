"""Whether the head of a request may be believed: what the parser lets through and we do not.

The parser (llhttp, strict) refuses by itself a length beside a transfer coding, two lengths, folded lines, bare LF and
chunk sizes that are none: all that two readers could understand in two ways (RFC 9112 §11.2).

Standards: RFC 9110 §7.2, §9.1, §15; RFC 9112 §3.2, §6.1.
"""

import re
from collections.abc import Sequence

import msgspec

HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
VERSIONS = ("1.0", "1.1")
REFUSED_METHODS = (b"CONNECT", b"TRACE")
"""One makes a proxy of a server, the other shows a script what it must not see."""


class Refusal(msgspec.Struct, frozen=True):
    """The connection is answered with `status` and ended: what follows cannot be told from the request."""

    status: bytes
    text: bytes


NOT_HTTP = Refusal(b"400 Bad Request", b"this is no request that HTTP/1.1 knows")
TOO_LARGE = Refusal(b"431 Request Header Fields Too Large", b"the header is too large")
TOO_SLOW = Refusal(b"408 Request Timeout", b"the request took too long")
TOO_MANY = Refusal(b"503 Service Unavailable", b"too many connections")
UPGRADE_WITH_BODY = Refusal(b"501 Not Implemented", b"a request with a body cannot begin another protocol")
"""The parser would take the body for the other protocol."""


def check_head(
    method: bytes, version: str, headers: Sequence[tuple[bytes, bytes]], target: bytes = b"/"
) -> Refusal | None:
    """What is wrong with it, or None. Names are in lower case.

    A target that names a host must name the one of the Host field (RFC 9112 §3.2): of two, one reader would believe the
    first and another the second (RFC 9112 §3.2.2).
    """
    if version not in VERSIONS:
        return Refusal(b"505 HTTP Version Not Supported", b"HTTP/1.1 is spoken here")
    if method in REFUSED_METHODS:
        return Refusal(b"501 Not Implemented", b"this method is not known here")
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1") or not all(map(HOST.fullmatch, hosts)):
        return Refusal(b"400 Bad Request", b"one Host field is needed, with a name")
    absolute = _ABSOLUTE.match(target)
    if absolute is not None and any(host.lower() != absolute[1].lower() for host in hosts):
        return Refusal(b"400 Bad Request", b"the target and the Host field name two hosts")
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if not codings:
        return None
    if version == "1.0":
        return Refusal(b"400 Bad Request", b"HTTP/1.0 has no transfer codings")
    if codings != [b"chunked"]:
        return Refusal(b"501 Not Implemented", b"chunked is the one transfer coding known here")
    return None


def length_of(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """Octets of the body; None when it is chunked (RFC 9112 §6.3)."""
    if any(name == b"transfer-encoding" for name, _ in headers):
        return None
    return next((int(value) for name, value in headers if name == b"content-length"), 0)
