"""What to look for among messages: the tree that IMAP SEARCH and JMAP filters share (RFC 9051 §6.4.4).

Text is compared as folded substrings (`core.finding.search` says how); dates are calendar days, but for `ReceivedAt`.
"""

from datetime import date, datetime
from enum import Enum, auto
from typing import TypeAlias

import msgspec

from pillarbox.model.ids import MailboxId, MessageId, ThreadId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.sequence_set import SequenceSet


class Query(msgspec.Struct, frozen=True):
    """Any of the below."""


class All(Query, frozen=True):
    """Every message."""


class Numbers(Query, frozen=True):
    """Message sequence numbers; only a session can resolve them, so `core` never sees this."""

    numbers: SequenceSet


class Uids(Query, frozen=True):
    """Unique identifiers."""

    uids: SequenceSet


class SavedResult(Query, frozen=True):
    """`$`: what the last SEARCH RETURN (SAVE) found (RFC 5182 §2.1); a session resolves it."""


class HasFlags(Query, frozen=True):
    """All of these flags and keywords are set."""

    flags: FlagSet


class IsRecent(Query, frozen=True):
    """The session has been told of it as recent (RFC 3501 §2.3.2); a session resolves it."""


class Larger(Query, frozen=True):
    """More octets than this."""

    octets: int


class Smaller(Query, frozen=True):
    """Fewer octets than this."""

    octets: int


class Received(Query, frozen=True):
    """Internal date, as a day in UTC: `since` inclusive, `before` exclusive; None is open."""

    since: date | None = None
    before: date | None = None


class Sent(Query, frozen=True):
    """Date field, as the day that it writes, its zone disregarded; None is open."""

    since: date | None = None
    before: date | None = None


class HasHeader(Query, frozen=True):
    """A field of this name contains the text; the empty text asks whether the field exists."""

    name: str
    text: str


class HasText(Query, frozen=True):
    """The text stands in the header or the body; `body_only` looks at the body alone."""

    text: str
    body_only: bool = False


class HasWords(Query, frozen=True):
    """The text stands at the beginning of a word, in one of these header fields or, with `in_body`, in the body; as a
    phrase, up to the end of one. `fields` are names among `from`, `to`, `cc`, `bcc` and `subject`."""

    text: str
    fields: tuple[str, ...] = ()
    in_body: bool = False
    is_phrase: bool = False


class ChangedSince(Query, frozen=True):
    """Its mod-sequence is at least this (RFC 7162 §3.1.5)."""

    modseq: int


class IsMessage(Query, frozen=True):
    """It is this message, wherever it is placed (RFC 8474 §6)."""

    message_id: MessageId


class InThread(Query, frozen=True):
    """It belongs to this thread (RFC 8474 §6)."""

    thread_id: ThreadId


class ReceivedAt(Query, frozen=True):
    """Internal date, as a moment: `since` inclusive, `before` exclusive; None is open."""

    since: datetime | None = None
    before: datetime | None = None


class InMailbox(Query, frozen=True):
    """It has a placement in this mailbox."""

    mailbox_id: MailboxId


class InOtherMailbox(Query, frozen=True):
    """It has a placement in a mailbox that is none of these."""

    mailbox_ids: tuple[MailboxId, ...]


class HasAttachment(Query, frozen=True):
    """A reader would be offered a file of it (`grammar.message.body.has_attachment`)."""


class ThreadHasFlags(Query, frozen=True):
    """A message of its thread has all of these flags, or with `every` each message has them."""

    flags: FlagSet
    every: bool = False


class And(Query, frozen=True):
    """All of these."""

    terms: tuple["Query", ...]


class Or(Query, frozen=True):
    """Any of these."""

    terms: tuple["Query", ...]


class Not(Query, frozen=True):
    """Not this."""

    term: "Query"


Term: TypeAlias = Query


class SortKey(Enum):
    """What messages are put in order by (RFC 8621 §4.4.2); `FROM` and `TO` by the first name, or else address."""

    RECEIVED = auto()
    SENT = auto()
    SIZE = auto()
    FROM = auto()
    TO = auto()
    SUBJECT = auto()
    HAS_FLAGS = auto()
    THREAD_SOME_HAVE_FLAGS = auto()
    THREAD_ALL_HAVE_FLAGS = auto()


class Order(msgspec.Struct, frozen=True):
    """One key of an order; `flags` are there for the keys that ask for flags."""

    key: SortKey
    is_ascending: bool = True
    flags: FlagSet = FlagSet()
