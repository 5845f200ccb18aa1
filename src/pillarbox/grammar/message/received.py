"""Trace fields: Return-Path and Received (RFC 5321 §4.4).

Time-stamp-line = "Received:" FWS Stamp CRLF
Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
Opt-info = [Via] [With] [ID] [For] [Additional-Registered-Clauses]
"""

import re
from datetime import datetime

import msgspec

from pillarbox.grammar.message import date
from pillarbox.grammar.smtp.path import format_path
from pillarbox.model.address import Address

_FIELD_START = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_UNSAFE = re.compile(r"[^!-'*-~]")


class Received(msgspec.Struct, frozen=True):
    """What one hop notes. `host` is the peer's IP address; `protocol` as RFC 3848 registers, e.g. ESMTPS."""

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
    lines = [f"Received: from {helo} ([{literal}])"]
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
