"""Names of things, as distinct types, so that a UID is never taken for a message's id."""

from typing import NewType

AccountId = NewType("AccountId", int)
"""1 and up; 0 is the system itself, which owns the queue."""
MailboxId = NewType("MailboxId", int)
"""Unique within its account."""
MessageId = NewType("MessageId", int)
"""The account's mod-sequence when the message came: grows, never reused; within its account."""
ThreadId = NewType("ThreadId", int)
Uid = NewType("Uid", int)
"""RFC 9051 §2.3.1.1: 32 bits, grows within a mailbox, never reused."""
ModSeq = NewType("ModSeq", int)
"""RFC 7162 §3.1: the account's count of changes."""
BlobId = NewType("BlobId", bytes)
"""SHA-256 of content, 32 octets."""
QueueId = NewType("QueueId", int)
TraceId = NewType("TraceId", str)
"""Names one journey of a message through this system, from the first TCP octet on; 16 characters [0-9a-z]."""

SYSTEM_ACCOUNT = AccountId(0)
