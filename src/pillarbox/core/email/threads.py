"""Which conversation a message belongs to (RFC 8621 §3): it shares a message identifier and the base subject with it.

A *thread key* is a hash of both, one for each identifier in Message-ID, In-Reply-To and References. The keys are made
once for a content, before the transaction (`keys_of`); in it one look at `store.threads` finds the thread. A thread is
never merged with another, and no message ever changes its thread: clients keep both. 64 bits of a keyless hash: who
forges one puts a message of his own into a conversation, which a copied identifier does as well.
"""

import hashlib

from pillarbox.grammar.message.message_id import parse_ids
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.grammar.message.subject import base_subject

IDS_MOST = 50
"""Of a longer list the newest count."""
_SUBJECT, _IN_REPLY_TO, _MESSAGE_ID = (
    ENVELOPE_FIELDS.index(name) for name in (b"subject", b"in-reply-to", b"message-id")
)


def keys_of(part: Part) -> tuple[int, ...]:
    """The thread keys of a scanned message, distinct; none for a message that names no identifier."""
    if not part.envelope:
        return ()
    values = (part.envelope[_MESSAGE_ID], part.envelope[_IN_REPLY_TO], part.references)
    identifiers = dict.fromkeys(name for value in values if value for name in parse_ids(value))
    if not identifiers:
        return ()
    subject = base_subject(part.envelope[_SUBJECT] or b"").encode("utf-8", "replace") + b"\0"
    return tuple(dict.fromkeys(_key(subject, name) for name in list(identifiers)[-IDS_MOST:]))


def _key(subject: bytes, identifier: str) -> int:
    digest = hashlib.blake2b(subject + identifier.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
