"""SEARCH: criteria become a `model.query` (RFC 3501 §6.4.4); with RETURN, what is told of the result (RFC 4731 §3.1).

Both ways. SORT and THREAD read their criteria here too.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta

import msgspec

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.atoms import Cursor, astring, parenthesised, quote
from pillarbox.grammar.imap.object_id import format_message_id, format_thread_id, read_message_id, read_thread_id
from pillarbox.grammar.message.charset import codec_name
from pillarbox.grammar.message.date import MONTHS
from pillarbox.model import query
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.keywords import FlagSet
from pillarbox.model.query import Query

DEPTH = 50
TERMS = 10_000

_DATE = re.compile(rb'"?(\d{1,2})-([A-Za-z]{3})-(\d{4})"?')
_MONTH = {name.upper().encode(): number for number, name in enumerate(MONTHS, start=1)}
_DAY = timedelta(days=1)


class BadCharset(SyntaxProblem):
    """The charset is none that we can read (NO [BADCHARSET], RFC 3501 §6.4.4)."""


RETURN_OPTIONS = ("MIN", "MAX", "ALL", "COUNT")
"""RFC 4731 §3.1."""


class Search(msgspec.Struct, frozen=True):
    """SEARCH, or UID SEARCH. `returns` None: all that was found, in the old form; empty is as ALL."""

    query: Query
    by_uid: bool = False
    returns: tuple[str, ...] | None = None


FLAG_KEYS: dict[str, Query] = {
    "ANSWERED": query.HasFlags(FlagSet.of("\\Answered")),
    "DELETED": query.HasFlags(FlagSet.of("\\Deleted")),
    "DRAFT": query.HasFlags(FlagSet.of("\\Draft")),
    "FLAGGED": query.HasFlags(FlagSet.of("\\Flagged")),
    "SEEN": query.HasFlags(FlagSet.of("\\Seen")),
    "UNANSWERED": query.Not(query.HasFlags(FlagSet.of("\\Answered"))),
    "UNDELETED": query.Not(query.HasFlags(FlagSet.of("\\Deleted"))),
    "UNDRAFT": query.Not(query.HasFlags(FlagSet.of("\\Draft"))),
    "UNFLAGGED": query.Not(query.HasFlags(FlagSet.of("\\Flagged"))),
    "UNSEEN": query.Not(query.HasFlags(FlagSet.of("\\Seen"))),
    "ALL": query.All(),
    "RECENT": query.IsRecent(),
    "OLD": query.Not(query.IsRecent()),
    "NEW": query.And((query.IsRecent(), query.Not(query.HasFlags(FlagSet.of("\\Seen"))))),
}
HEADER_KEYS = ("BCC", "CC", "FROM", "SUBJECT", "TO")
DATE_KEYS: dict[str, Callable[[date], Query]] = {
    "BEFORE": lambda day: query.Received(None, day),
    "ON": lambda day: query.Received(day, day + _DAY),
    "SINCE": lambda day: query.Received(day, None),
    "SENTBEFORE": lambda day: query.Sent(None, day),
    "SENTON": lambda day: query.Sent(day, day + _DAY),
    "SENTSINCE": lambda day: query.Sent(day, None),
}


class _Reader:
    """The criteria of one command."""

    def __init__(self, cursor: Cursor, codec: str) -> None:
        self.cursor = cursor
        self.codec = codec
        self.terms = 0

    def text(self) -> str:
        """SP astring, in the charset of the command."""
        self.cursor.space()
        try:
            return self.cursor.astring("a text to look for").decode(self.codec)
        except UnicodeDecodeError:
            raise self.cursor.fail(f"text in {self.codec}") from None

    def day(self) -> date:
        """SP date."""
        self.cursor.space()
        found = _DATE.match(self.cursor.text, self.cursor.place)
        month = None if found is None else _MONTH.get(found[2].upper())
        if found is None or month is None:
            raise self.cursor.fail("a date as 24-Nov-2026")
        self.cursor.place = found.end()
        try:
            return date(int(found[3]), month, int(found[1])) + timedelta(0)
        except ValueError:
            raise self.cursor.fail("a date") from None

    def all_terms(self, depth: int, closing: bytes) -> Query:
        """Keys up to the end, or the parenthesis."""
        found = [self.key(depth)]
        while self.cursor.peek() != closing:
            self.cursor.space()
            found.append(self.key(depth))
        return found[0] if len(found) == 1 else query.And(tuple(found))

    def key(self, depth: int) -> Query:
        """One search key."""
        self.terms += 1
        if depth > DEPTH or self.terms > TERMS:
            raise self.cursor.fail("fewer search keys")
        cursor = self.cursor
        first = cursor.peek()
        if first == b"(":
            cursor.expect(b"(")
            found = self.all_terms(depth + 1, b")")
            cursor.expect(b")")
            return found
        if first.isdigit() or first == b"*":
            return query.Numbers(sequence_set.parse(cursor))
        return self._named(cursor.word("a search key"), depth)

    def _named(self, name: str, depth: int) -> Query:
        if name in FLAG_KEYS:
            return FLAG_KEYS[name]
        if name in HEADER_KEYS:
            return query.HasHeader(name.lower(), self.text())
        if name in DATE_KEYS:
            try:
                return DATE_KEYS[name](self.day())
            except OverflowError:
                raise self.cursor.fail("a date") from None
        if name in ("BODY", "TEXT"):
            return query.HasText(self.text(), body_only=name == "BODY")
        if name in ("KEYWORD", "UNKEYWORD"):
            self.cursor.space()
            has = query.HasFlags(FlagSet.of(self.cursor.atom("a keyword").decode("latin-1")))
            return has if name == "KEYWORD" else query.Not(has)
        if name in ("LARGER", "SMALLER"):
            self.cursor.space()
            size = self.cursor.number("octets")
            return query.Larger(size) if name == "LARGER" else query.Smaller(size)
        return self._composed(name, depth)

    def _composed(self, name: str, depth: int) -> Query:
        cursor = self.cursor
        if name == "HEADER":
            cursor.space()
            field = cursor.astring("a field name").decode("latin-1").lower()
            return query.HasHeader(field, self.text())
        if name == "UID":
            cursor.space()
            return query.Uids(sequence_set.parse(cursor))
        if name == "NOT":
            cursor.space()
            return query.Not(self.key(depth + 1))
        if name == "OR":
            cursor.space()
            left = self.key(depth + 1)
            cursor.space()
            return query.Or((left, self.key(depth + 1)))
        if name in ("EMAILID", "THREADID"):
            cursor.space()
            is_message = name == "EMAILID"
            return query.IsMessage(read_message_id(cursor)) if is_message else query.InThread(read_thread_id(cursor))
        raise cursor.fail(f"a search key, not {name}")


def read_returns(cursor: Cursor) -> tuple[str, ...] | None:
    """`RETURN (MIN COUNT)` and the space behind, if it is next."""
    if not cursor.accept_word(b"RETURN "):
        return None
    found = tuple(cursor.items(lambda: cursor.word("a return option"), may_be_empty=True))
    if not set(found) <= set(RETURN_OPTIONS):
        raise cursor.fail(f"some of {' '.join(RETURN_OPTIONS)}")
    cursor.space()
    return found


def format_returns(returns: tuple[str, ...] | None) -> bytes:
    """The same, with the space before; nothing for None."""
    return b"" if returns is None else b" RETURN " + parenthesised(name.encode() for name in returns)


def read_codec(cursor: Cursor) -> str:
    """A charset, as Python calls it. Raises: SyntaxProblem, BadCharset."""
    charset = cursor.astring("a charset").decode("latin-1")
    found = codec_name(charset)
    if found is None:
        raise BadCharset(f"a charset that is known here, not {charset}")
    return "utf-8" if charset.upper() == "US-ASCII" else found


def read_keys(cursor: Cursor, codec: str) -> Query:
    """Keys up to the end, all of which must fit."""
    return _Reader(cursor, codec).all_terms(0, b"")


def parse_search(cursor: Cursor, *, by_uid: bool = False) -> Search:
    """Perhaps RETURN, perhaps CHARSET, then keys. Raises: SyntaxProblem, BadCharset."""
    cursor.space()
    returns = read_returns(cursor)
    codec = "utf-8"
    if cursor.accept_word(b"CHARSET "):
        codec = read_codec(cursor)
        cursor.space()
    return Search(read_keys(cursor, codec), by_uid, returns)


def format_search(command: Search) -> bytes:
    """Arguments, with the space before; CHARSET UTF-8 where a text needs it."""
    text = format_keys(command.query)
    return format_returns(command.returns) + (b" " if text.isascii() else b" CHARSET UTF-8 ") + text


def format_keys(criteria: Query) -> bytes:
    """Search keys; texts in UTF-8."""
    return _format(criteria)


_FLAG_NAMES = {flags: name for name, flags in FLAG_KEYS.items()}


def _format(term: Query) -> bytes:
    name = _FLAG_NAMES.get(term)
    if name is not None:
        return name.encode()
    match term:
        case query.HasFlags(flags):
            return b" ".join(
                b"KEYWORD " + n.encode() if n[0] != "\\" else n[1:].upper().encode() for n in flags.names()
            )
        case query.Numbers(numbers):
            return sequence_set.format(numbers)
        case query.Uids(numbers):
            return b"UID " + sequence_set.format(numbers)
        case query.HasHeader(field, text):
            return b"HEADER %b %b" % (astring(field.encode()), quote(text.encode()))
        case query.HasText(text, body_only):
            return (b"BODY " if body_only else b"TEXT ") + quote(text.encode())
        case query.IsMessage(message_id):
            return b"EMAILID " + format_message_id(message_id)
        case query.InThread(thread_id):
            return b"THREADID " + format_thread_id(thread_id)
        case query.Larger(octets):
            return b"LARGER %d" % octets
        case query.Smaller(octets):
            return b"SMALLER %d" % octets
        case query.Received(since, before):
            return _format_days(b"", since, before)
        case query.Sent(since, before):
            return _format_days(b"SENT", since, before)
        case query.Not(inner):
            return b"NOT " + _grouped(inner)
        case query.And(terms):
            return b" ".join(_grouped(t) for t in terms)
        case query.Or((left, right)):
            return b"OR %b %b" % (_grouped(left), _grouped(right))
    raise TypeError(f"{type(term).__name__} has no form in IMAP")


def _grouped(term: Query) -> bytes:
    text = _format(term)
    many = isinstance(term, query.And | query.HasFlags | query.Received | query.Sent)
    return b"(%b)" % text if many and b" " in text else text


def _format_days(prefix: bytes, since: date | None, before: date | None) -> bytes:
    pieces = []
    if since is not None:
        pieces.append(prefix + b"SINCE " + _format_day(since))
    if before is not None:
        pieces.append(prefix + b"BEFORE " + _format_day(before))
    return b" ".join(pieces) or b"ALL"


def _format_day(day: date) -> bytes:
    return f"{day.day}-{MONTHS[day.month - 1]}-{day.year:04d}".encode()
