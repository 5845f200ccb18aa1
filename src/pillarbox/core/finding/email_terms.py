"""The keys of a search for whole messages: what each needs to be known, whether a message fits, and the order.

A key that asks for words knows them as a needle; `core.finding.narrowing` says what the word index can tell of them.
Nothing here reads anything.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import IntFlag
from typing import Any

from pillarbox.core.finding import search_text
from pillarbox.core.finding.hot_rows import flags_of, has_flags
from pillarbox.core.finding.search_text import Texts
from pillarbox.grammar.message import address_list, body
from pillarbox.grammar.message.date import parse as parse_date
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.grammar.message.subject import base_subject
from pillarbox.grammar.message.text import fold
from pillarbox.grammar.message.words import Needle
from pillarbox.model import query as q
from pillarbox.model.errors import Invalid, SyntaxProblem
from pillarbox.model.keywords import FlagSet
from pillarbox.model.query import Order, Query, SortKey
from pillarbox.store.base import Row
from pillarbox.store.moment import micros, moment
from pillarbox.store.search import FIELDS

NEWEST_FIRST = (Order(SortKey.RECEIVED, is_ascending=False),)
ENVELOPE_KEYS = (SortKey.SENT, SortKey.FROM, SortKey.TO, SortKey.SUBJECT)
THREAD_KEYS = (SortKey.THREAD_SOME_HAVE_FLAGS, SortKey.THREAD_ALL_HAVE_FLAGS)


class Email(Texts):
    """A message that may fit, with its hot row (`store.emails.HOT`)."""

    __slots__ = ("id", "received", "row", "size_octets", "thread_id")

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row
        self.id: int = row[0]
        self.thread_id: int = row[1]
        self.size_octets: int = row[2]
        self.received: int = row[3]

    @property
    def flags(self) -> FlagSet:
        """What its placements have in common."""
        return flags_of(self.row)


class Around:
    """What lies beyond one message: its mailboxes, and the flags in its thread."""

    __slots__ = ("mailboxes", "threads")

    def __init__(self) -> None:
        self.mailboxes: dict[int, set[int]] = {}
        self.threads: dict[int, list[FlagSet]] = {}


class Words(Query, frozen=True):
    """`HasWords`, made ready: places in `store.search.FIELDS`."""

    needle: Needle
    places: tuple[int, ...]
    in_body: bool


class Need(IntFlag):
    """What must be brought in, from the cheapest on: the envelope, folded texts, the whole header."""

    NOTHING = 0
    ENVELOPE = 1
    TEXT = 2
    HEADER = 4


def ready(query: Query) -> Query:
    """The same, its texts folded once."""
    match query:
        case q.HasHeader(name=name, text=text):
            return q.HasHeader(name.lower(), fold(text))
        case q.HasText(text=text, body_only=body_only):
            return q.HasText(fold(text), body_only)
        case q.HasWords(text=text, fields=fields, in_body=in_body, is_phrase=is_phrase):
            places = tuple(FIELDS.index(name) for name in fields)
            return Words(Needle(fold(text), is_phrase=is_phrase), places, in_body)
        case q.And(terms=terms):
            return q.And(tuple(map(ready, terms)))
        case q.Or(terms=terms):
            return q.Or(tuple(map(ready, terms)))
        case q.Not(term=term):
            return q.Not(ready(term))
    return query


def needs(query: Query) -> Need:
    """All that its keys need."""
    match query:
        case q.And(terms=terms) | q.Or(terms=terms):
            found = Need.NOTHING
            for term in terms:
                found |= needs(term)
            return found
        case q.Not(term=term):
            return needs(term)
        case q.Sent() | q.HasAttachment():
            return Need.ENVELOPE
        case q.HasHeader(name=name):
            return Need.ENVELOPE if search_text.is_kept(name) else Need.HEADER
        case Words() | q.HasText():
            return Need.TEXT
    return Need.NOTHING


def asks(query: Query, *kinds: type[Query]) -> bool:
    """Whether any of its keys is one of these."""
    match query:
        case q.And(terms=terms) | q.Or(terms=terms):
            return any(asks(term, *kinds) for term in terms)
        case q.Not(term=term):
            return asks(term, *kinds)
    return isinstance(query, kinds)


def asks_bodies(query: Query) -> bool:
    """Whether any of its keys looks for words in bodies."""
    match query:
        case q.And(terms=terms) | q.Or(terms=terms):
            return any(map(asks_bodies, terms))
        case q.Not(term=term):
            return asks_bodies(term)
        case Words(in_body=in_body):
            return in_body
    return False


def fits(query: Query, email: Email, around: Around) -> bool:
    """Whether one message fits; what a key needs has been brought in."""
    match query:
        case q.All():
            return True
        case q.And(terms=terms):
            return all(fits(term, email, around) for term in terms)
        case q.Or(terms=terms):
            return any(fits(term, email, around) for term in terms)
        case q.Not(term=term):
            return not fits(term, email, around)
        case Words(needle=needle, places=places, in_body=in_body):
            return email.has_words(needle, places, in_body=in_body)
        case q.InMailbox(mailbox_id=mailbox_id):
            return mailbox_id in around.mailboxes.get(email.id, ())
        case q.InOtherMailbox(mailbox_ids=mailbox_ids):
            return bool(around.mailboxes.get(email.id, set()) - set(mailbox_ids))
        case q.HasFlags(flags=flags):
            return has_flags(email.flags, flags)
        case q.ThreadHasFlags(flags=flags, every=every):
            members = [has_flags(one, flags) for one in around.threads.get(email.thread_id, [email.flags])]
            return all(members) if every else any(members)
        case q.Larger(octets=octets):
            return email.size_octets > octets
        case q.Smaller(octets=octets):
            return email.size_octets < octets
        case q.ReceivedAt(since=since, before=before):
            return _is_between(email.received, since, before)
        case q.HasAttachment():
            return email.part is not None and body.has_files(email.part)
        case q.HasHeader(name=name, text=text):
            return email.has_field(name, text)
        case q.HasText(text=text, body_only=body_only):
            return email.has_text(text, body_only=body_only)
    raise Invalid("only a session can answer this key")


def _is_between(at: int, since: datetime | None, before: datetime | None) -> bool:
    return (since is None or at >= micros(since)) and (before is None or at < micros(before))


# --- order -----------------------------------------------------------------------------------------------------------


def is_newest_first(orders: Sequence[Order]) -> bool:
    """Whether this is the order that messages are kept in."""
    return tuple(orders or NEWEST_FIRST) == NEWEST_FIRST


def key_of(order: Order, around: Around) -> Callable[[Email], Any]:
    """What messages are compared by; what it needs has been brought in."""
    match order.key:
        case SortKey.RECEIVED:
            return lambda email: email.received
        case SortKey.SIZE:
            return lambda email: email.size_octets
        case SortKey.HAS_FLAGS:
            return lambda email: has_flags(email.flags, order.flags)
        case SortKey.THREAD_SOME_HAVE_FLAGS | SortKey.THREAD_ALL_HAVE_FLAGS:
            term = q.ThreadHasFlags(order.flags, every=order.key is SortKey.THREAD_ALL_HAVE_FLAGS)
            return lambda email: fits(term, email, around)
        case SortKey.SENT:
            return _sent_at
        case SortKey.SUBJECT:
            return lambda email: fold(base_subject(_field(email, b"subject")))
        case SortKey.FROM:
            return lambda email: _first_name(_field(email, b"from"))
        case SortKey.TO:
            return lambda email: _first_name(_field(email, b"to"))


def _field(email: Email, name: bytes) -> bytes:
    envelope = email.part.envelope if email.part is not None else ()
    return (envelope[ENVELOPE_FIELDS.index(name)] or b"") if envelope else b""


def _sent_at(email: Email) -> float:
    try:
        return parse_date(_field(email, b"date")).timestamp()
    except (SyntaxProblem, OverflowError, ValueError):
        return moment(email.received).timestamp()


def _first_name(value: bytes) -> str:
    for mailbox in address_list.parse(value):
        return fold(mailbox.name or mailbox.address)
    return ""
