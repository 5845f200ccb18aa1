"""The names of things in JMAP: one letter that says the kind, then a number (RFC 8620 §1.2, RFC 8621 §1.6).

    account a1 · Mailbox m5 · Email e12 · Thread t12 · Identity i3 · EmailSubmission s9 ·
    PushSubscription p7 · AddressBook b4 · ContactCard c12 · QueuedMessage q14
    blob: B12 a message's octets · B12_1_2 the decoded content of its part 1.2 ·
          U<64 hex> what was uploaded, by its SHA-256 · U<64 hex>_1_2 a part of a message that was uploaded

A number has one form: no sign, no zeros in front. So two ids that differ name different things.
"""

import re

import msgspec

from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import AccountId, BlobId, MailboxId, MessageId, ThreadId

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_NUMBERED = re.compile(r"([a-z])(0|[1-9][0-9]{0,17})")
_BLOB = re.compile(r"(?:B([1-9][0-9]{0,17})|U([0-9a-f]{64}))((?:_[1-9][0-9]{0,5})*)")


class MessageBlob(msgspec.Struct, frozen=True):
    """The octets of a message, or with numbers the decoded content of its part; messages inside are counted through."""

    message_id: MessageId
    part: tuple[int, ...] = ()


class UploadBlob(msgspec.Struct, frozen=True):
    """What was uploaded; `part` as above, where it is read as a message."""

    blob_id: BlobId
    part: tuple[int, ...] = ()


def is_id(text: str) -> bool:
    """Whether it is an id at all, ours or not (RFC 8620 §1.2)."""
    return _ID.fullmatch(text) is not None


def _parse(text: str, letter: str, what: str) -> int:
    match = _NUMBERED.fullmatch(text)
    if match is None or match[1] != letter:
        raise SyntaxProblem(what)
    return int(match[2])


def format_account(account_id: AccountId) -> str:
    """`a1`."""
    return f"a{account_id}"


def parse_account(text: str) -> AccountId:
    """Raises: SyntaxProblem."""
    return AccountId(_parse(text, "a", "an account's id"))


def format_mailbox(mailbox_id: MailboxId) -> str:
    """`m5`."""
    return f"m{mailbox_id}"


def parse_mailbox(text: str) -> MailboxId:
    """Raises: SyntaxProblem."""
    return MailboxId(_parse(text, "m", "a Mailbox id"))


def format_email(message_id: MessageId) -> str:
    """`e12`."""
    return f"e{message_id}"


def parse_email(text: str) -> MessageId:
    """Raises: SyntaxProblem."""
    return MessageId(_parse(text, "e", "an Email id"))


def format_thread(thread_id: ThreadId) -> str:
    """`t12`."""
    return f"t{thread_id}"


def parse_thread(text: str) -> ThreadId:
    """Raises: SyntaxProblem."""
    return ThreadId(_parse(text, "t", "a Thread id"))


def format_identity(number: int) -> str:
    """`i3`."""
    return f"i{number}"


def parse_identity(text: str) -> int:
    """Raises: SyntaxProblem."""
    return _parse(text, "i", "an Identity id")


def format_submission(number: int) -> str:
    """`s9`."""
    return f"s{number}"


def parse_submission(text: str) -> int:
    """Raises: SyntaxProblem."""
    return _parse(text, "s", "an EmailSubmission id")


def format_push_subscription(number: int) -> str:
    """`p7`."""
    return f"p{number}"


def parse_push_subscription(text: str) -> int:
    """Raises: SyntaxProblem."""
    return _parse(text, "p", "a PushSubscription id")


def format_book(number: int) -> str:
    """`b4`."""
    return f"b{number}"


def parse_book(text: str) -> int:
    """Raises: SyntaxProblem."""
    return _parse(text, "b", "an AddressBook id")


def format_card(number: int) -> str:
    """`c12`."""
    return f"c{number}"


def parse_card(text: str) -> int:
    """Raises: SyntaxProblem."""
    return _parse(text, "c", "a ContactCard id")


def format_queued(number: int) -> str:
    """`q14`."""
    return f"q{number}"


def parse_queued(text: str) -> int:
    """Raises: SyntaxProblem."""
    return _parse(text, "q", "a QueuedMessage id")


def format_blob(blob: MessageBlob | UploadBlob) -> str:
    """`B12`, `B12_1_2`, `U…`."""
    base = f"B{blob.message_id}" if isinstance(blob, MessageBlob) else f"U{blob.blob_id.hex()}"
    return base + "".join(f"_{number}" for number in blob.part)


def parse_blob(text: str) -> MessageBlob | UploadBlob:
    """Raises: SyntaxProblem."""
    match = _BLOB.fullmatch(text) if len(text) <= 255 else None
    if match is None:
        raise SyntaxProblem("a blob id")
    part = tuple(int(number) for number in match[3].split("_")[1:])
    if match[1] is not None:
        return MessageBlob(MessageId(int(match[1])), part)
    return UploadBlob(BlobId(bytes.fromhex(match[2])), part)


def part_of(blob_id: str, part_id: str) -> str:
    """The blob id of part `1.2` of the message that `blob_id` names."""
    return f"{blob_id}_{part_id.replace('.', '_')}"
