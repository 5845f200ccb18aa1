"""The FETCH text of a message, made once at delivery and stored ready: the one module of `core` that renders IMAP.

`INTERNALDATE "…" RFC822.SIZE n ENVELOPE (…) BODYSTRUCTURE (…)` (RFC 9051 §7.5.2). A content has one envelope and one
body structure for all its recipients; date and size differ with each placement's message.
"""

from datetime import datetime
from mmap import mmap

import msgspec

from pillarbox.core.email.threads import keys_of
from pillarbox.grammar.imap.responses.bodystructure import format_bodystructure
from pillarbox.grammar.imap.responses.envelope import format_envelope
from pillarbox.grammar.message.part import Part, pack
from pillarbox.grammar.message.structure import scan
from pillarbox.grammar.reports.about import ReportAbout, find_report
from pillarbox.model.limits import Limits

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


class Described(msgspec.Struct, frozen=True):
    """What a content's octets say, found once: `parts` packed, `text` the ENVELOPE and BODYSTRUCTURE items,
    `thread_keys` as `core.email.threads` has them, `report` what it says of another message where it is a report."""

    parts: bytes
    text: bytes
    thread_keys: tuple[int, ...] = ()
    report: ReportAbout | None = None


def describe(view: bytes | mmap, *, limits: Limits) -> Described:
    """Scan a content; any octets are a message of some kind. Costs CPU by size: use a thread for large ones."""
    part = scan(view, limits=limits)
    return Described(pack(part), describe_part(view, part), keys_of(part), find_report(view, part))


def describe_part(view: bytes | mmap, part: Part) -> bytes:
    """The ENVELOPE and BODYSTRUCTURE items."""
    return b"ENVELOPE %b BODYSTRUCTURE %b" % (format_envelope(view, part), format_bodystructure(view, part))


def internal_date(received: datetime) -> bytes:
    """`"24-Nov-2026 10:05:44 +0000"` (RFC 9051 §9, date-time), in the zone that it is written in."""
    offset = received.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds() // 60)
    return b'"%2d-%b-%04d %02d:%02d:%02d %b%02d%02d"' % (
        received.day,
        _MONTHS[received.month - 1],
        received.year,
        received.hour,
        received.minute,
        received.second,
        b"-" if minutes < 0 else b"+",
        *divmod(abs(minutes), 60),
    )


def finish_line(text: bytes, received: datetime, size_octets: int) -> bytes:
    """The whole stored line."""
    return b"INTERNALDATE %b RFC822.SIZE %d %b" % (internal_date(received), size_octets, text)


def ready_line(view: bytes | mmap, part: Part, received: datetime, size_octets: int) -> bytes:
    """The stored line of one message, from its octets."""
    return finish_line(describe_part(view, part), received, size_octets)
