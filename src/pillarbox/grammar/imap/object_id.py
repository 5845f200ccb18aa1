"""Object identifiers: the same texts that JMAP has, so that clients of both speak of the same things (RFC 8474 §3).

An identifier that is well-formed and none of ours is 0, which nothing has: whoever asks for it finds nothing.

objectid = 1*255(ALPHA / DIGIT / "_" / "-")
"""

import re

from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.grammar.jmap import ids
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import MailboxId, MessageId, ThreadId

OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}(?![A-Za-z0-9_-])")


def read_message_id(cursor: Cursor) -> MessageId:
    """An EMAILID. Raises: SyntaxProblem."""
    text = cursor.match(OBJECT_ID, "an object identifier").decode("ascii")
    try:
        return ids.parse_email(text)
    except SyntaxProblem:
        return MessageId(0)


def read_thread_id(cursor: Cursor) -> ThreadId:
    """A THREADID. Raises: SyntaxProblem."""
    text = cursor.match(OBJECT_ID, "an object identifier").decode("ascii")
    try:
        return ids.parse_thread(text)
    except SyntaxProblem:
        return ThreadId(0)


def format_message_id(message_id: MessageId) -> bytes:
    """`e12`."""
    return ids.format_email(message_id).encode("ascii")


def format_thread_id(thread_id: ThreadId) -> bytes:
    """`t12`."""
    return ids.format_thread(thread_id).encode("ascii")


def format_mailbox_id(mailbox_id: MailboxId) -> str:
    """`m5`."""
    return ids.format_mailbox(mailbox_id)


def format_mailbox_code(mailbox_id: MailboxId) -> bytes:
    """`MAILBOXID (m5)`: the code of CREATE and SELECT, without brackets (RFC 8474 §4)."""
    return b"MAILBOXID (%b)" % format_mailbox_id(mailbox_id).encode("ascii")
