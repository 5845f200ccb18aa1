"""Trace fields: Return-Path and Received (RFC 5321 §4.4).

Time-stamp-line = "Received:" FWS Stamp CRLF
Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
Opt-info = [Via] [With] [ID] [For] [Additional-Registered-Clauses]
"""

import re
from datetime import UTC, datetime

import msgspec

from pillarbox.grammar.message import date, header
from pillarbox.grammar.smtp.path import format_path
from pillarbox.model.address import Address
from pillarbox.model.errors import SyntaxProblem

_FIELD_START = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_UNSAFE = re.compile(r"[^!-'*-~]")


class Received(msgspec.Struct, frozen=True):
    """What one hop notes. `host` is the peer's IP address, empty where there is none to tell; `protocol` as RFC 3848
    registers, e.g. ESMTPS."""

    helo: str
    host: str
    by: str
    protocol: str
    id: str
    at: datetime
    recipient: Address | None = None
    tls: str = ""


def format_received(trace: Received) -> bytes:
    """The whole field, folded, with CRLF."""
    helo = _UNSAFE.sub("?", trace.helo) or "unknown"
    literal = f"IPv6:{trace.host}" if ":" in trace.host else trace.host
    lines = [f"Received: from {helo} ([{literal}])" if literal else f"Received: from {helo}"]
    if trace.tls:
        lines.append(f" (using {trace.tls})")
    lines.append(f" by {trace.by} with {trace.protocol} id {trace.id}")
    if trace.recipient is not None:
        lines.append(f" for {format_path(trace.recipient)}")
    return ("\r\n".join(lines) + f";\r\n {date.format(trace.at)}\r\n").encode()


def format_return_path(reverse_path: Address | None) -> bytes:
    """The whole field with CRLF; `<>` for the null reverse-path."""
    return f"Return-Path: {format_path(reverse_path)}\r\n".encode()


def count_hops(header: bytes) -> int:
    """How many Received fields a header has: where they are too many, mail runs in a circle (RFC 5321 §6.3)."""
    return len(_FIELD_START.findall(header))


def received_at(content: header.Content, start: int, end: int) -> datetime | None:
    """The moment in the first Received field, which is the last that was put on; None when there is none to be read."""
    value = header.first(content, start, end, b"received") or b""
    try:
        return date.parse(header.without_comments(value).rpartition(b";")[2]).astimezone(UTC)
    except (SyntaxProblem, OverflowError):
        return None
