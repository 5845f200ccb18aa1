"""What a client says of an Email that is not in its octets: mailboxes, keywords, the date (RFC 8621 §4.1.1)."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pillarbox.core.email.email_edit import InNoMailbox, NoSuchMailbox, TooManyMailboxes
from pillarbox.core.flow.outcomes import TooManyKeywords
from pillarbox.grammar.jmap import keywords
from pillarbox.grammar.jmap.dates import parse_utc
from pillarbox.grammar.jmap.ids import parse_mailbox
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import MailboxId
from pillarbox.model.keywords import FlagSet
from pillarbox.serve.jmap.method import Call, Json, SetProblem

PROPERTIES = ("mailboxIds", "keywords", "receivedAt")


class Where(msgspec.Struct, frozen=True):
    """Where an Email goes; `received` None: the client leaves it to us."""

    mailbox_ids: frozenset[MailboxId]
    flags: FlagSet
    received: datetime | None


def read_where(call: Call, value: Json) -> tuple[Where, list[str]]:
    """Of a creation object; and which properties are wrong."""
    wrong: list[str] = []
    mailbox_ids: frozenset[MailboxId] = frozenset()
    flags = FlagSet()
    received = None
    try:
        mailbox_ids = read_mailboxes(call, value.get("mailboxIds"))
    except SyntaxProblem:
        wrong.append("mailboxIds")
    try:
        if value.get("keywords") is not None:
            flags = keywords.parse(value["keywords"])
    except SyntaxProblem:
        wrong.append("keywords")
    try:
        if value.get("receivedAt") is not None:
            received = parse_utc(value["receivedAt"])
    except SyntaxProblem:
        wrong.append("receivedAt")
    return Where(mailbox_ids, flags, received), wrong


def read_mailboxes(call: Call, value: object) -> frozenset[MailboxId]:
    """Of the property `mailboxIds`: an object from ids to true, one at least. Raises: SyntaxProblem."""
    if not isinstance(value, dict) or not value or not all(is_in is True for is_in in value.values()):
        raise SyntaxProblem("an object from Mailbox ids to true")
    return mailboxes_of(call, value)


def mailboxes_of(call: Call, ids: Iterable[str]) -> frozenset[MailboxId]:
    """Ids, or references to what was created in this request. Raises: SyntaxProblem."""
    return frozenset(parse_mailbox(call.resolve(id)) for id in ids)


def named(error: Exception) -> Exception:
    """The error by which JMAP knows what core raised, where that says more than its kind."""
    match error:
        case NoSuchMailbox() | InNoMailbox():
            return SetProblem("invalidProperties", error.text, properties=["mailboxIds"])
        case TooManyMailboxes():
            return SetProblem("tooManyMailboxes", error.text)
        case TooManyKeywords():
            return SetProblem("tooManyKeywords", error.text)
    return error
