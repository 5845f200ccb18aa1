"""Commands on mailboxes by name (RFC 3501 §6.3; NAMESPACE RFC 2342, CREATE with a use RFC 6154 §3, LIST RFC 5258)."""

import msgspec

from pillarbox.grammar.imap.atoms import LIST_MAILBOX, Cursor, astring, parenthesised
from pillarbox.grammar.imap.mailbox_name import Path, format_path, parse_path
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.mailbox import MailboxRole

STATUS_ITEMS = (
    "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "SIZE", "DELETED", "DELETED-STORAGE", "MAILBOXID",
)  # fmt: skip
"""RFC 3501 §6.3.10, SIZE of RFC 8438 §3, what was deleted of RFC 9208 §4.1.4, MAILBOXID of RFC 8474 §4.3."""

USES: dict[str, MailboxRole] = {
    "\\DRAFTS": MailboxRole.DRAFTS,
    "\\SENT": MailboxRole.SENT,
    "\\ARCHIVE": MailboxRole.ARCHIVE,
    "\\JUNK": MailboxRole.JUNK,
    "\\TRASH": MailboxRole.TRASH,
}
"""RFC 6154 §2."""


class BadUse(SyntaxProblem):
    """A special use that no mailbox can have here, or several at once (NO [USEATTR], RFC 6154 §3)."""


class Create(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.3."""

    path: Path
    role: MailboxRole | None = None


class Delete(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.4."""

    path: Path


class Rename(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.5."""

    path: Path
    new_path: Path


class Subscribe(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.6."""

    path: Path


class Unsubscribe(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.7."""

    path: Path


class List(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.8, RFC 5258 §3, RFC 6154 §5.2. Options in capitals; patterns as on the wire."""

    reference: bytes
    patterns: tuple[bytes, ...]
    selection: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    status_items: tuple[str, ...] = ()
    is_extended: bool = False


class Lsub(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.9."""

    reference: bytes
    pattern: bytes


class Status(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.10."""

    path: Path
    items: tuple[str, ...]


class Namespace(msgspec.Struct, frozen=True):
    """RFC 2342 §5."""


def read_path(cursor: Cursor) -> Path:
    """SP mailbox."""
    cursor.space()
    return parse_path(cursor.astring("a mailbox name"))


def parse_create(cursor: Cursor) -> Create:
    """Name, perhaps `(USE (\\Sent))`."""
    path = read_path(cursor)
    if cursor.is_at_end:
        return Create(path)
    cursor.space()
    cursor.expect(b"(")
    if cursor.word("USE") != "USE":
        raise cursor.fail("USE")
    cursor.space()
    uses = {*cursor.items(lambda: _read_use(cursor), may_be_empty=True)}
    cursor.expect(b")")
    cursor.end()
    if not uses:
        return Create(path)
    role = USES.get(uses.pop())
    if role is None or uses:
        raise BadUse("one special use that is known here", cursor.place)
    return Create(path, role)


def _read_use(cursor: Cursor) -> str:
    cursor.expect(b"\\", "a special use")
    return "\\" + cursor.word("a special use")


def parse_rename(cursor: Cursor) -> Rename:
    """Old name, new name."""
    return Rename(read_path(cursor), read_path(cursor))


def parse_list(cursor: Cursor) -> List:
    """Reference and pattern; or with options around them."""
    cursor.space()
    selection: tuple[str, ...] = ()
    is_extended = cursor.peek() == b"("
    if is_extended:
        selection = tuple(cursor.items(lambda: cursor.word("an option"), may_be_empty=True))
        cursor.space()
    reference = cursor.astring("a reference name")
    cursor.space()
    if cursor.peek() == b"(":
        is_extended = True
        patterns = tuple(cursor.items(lambda: _pattern(cursor)))
    else:
        patterns = (_pattern(cursor),)
    if cursor.is_at_end:
        return List(reference, patterns, selection, is_extended=is_extended)
    cursor.space()
    if cursor.word("RETURN") != "RETURN":
        raise cursor.fail("RETURN")
    cursor.space()
    found = cursor.items(lambda: _return_option(cursor), may_be_empty=True)
    status = next((items for name, items in found if name == "STATUS"), ())
    return List(reference, patterns, selection, tuple(name for name, _ in found), status, is_extended=True)


def _pattern(cursor: Cursor) -> bytes:
    return cursor.astring("a pattern", LIST_MAILBOX)


def _return_option(cursor: Cursor) -> tuple[str, tuple[str, ...]]:
    name = cursor.word("an option")
    if name != "STATUS":
        return name, ()
    cursor.space()
    return name, _status_items(cursor)


def parse_lsub(cursor: Cursor) -> Lsub:
    """Reference and pattern."""
    cursor.space()
    reference = cursor.astring("a reference name")
    cursor.space()
    return Lsub(reference, _pattern(cursor))


def parse_status(cursor: Cursor) -> Status:
    """Name and items."""
    path = read_path(cursor)
    cursor.space()
    return Status(path, _status_items(cursor))


def _status_items(cursor: Cursor) -> tuple[str, ...]:
    items = tuple(cursor.items(lambda: cursor.word("a status item")))
    if not set(items) <= set(STATUS_ITEMS):
        raise cursor.fail(f"some of {' '.join(STATUS_ITEMS)}")
    return items


def format_path_argument(path: Path) -> bytes:
    """The name as an argument, with the space before."""
    return b" " + astring(format_path(path))


def format_create(command: Create) -> bytes:
    """Arguments, with the space before."""
    if command.role is None:
        return format_path_argument(command.path)
    return format_path_argument(command.path) + b" (USE (\\%b))" % command.role.value.capitalize().encode()


def format_list(command: List) -> bytes:
    """Arguments, with the space before."""
    out = b""
    if command.selection:
        out += b" " + parenthesised(word.encode() for word in command.selection)
    patterns = [astring(p) if not (b"*" in p or b"%" in p) else p for p in command.patterns]
    out += b" " + astring(command.reference) + b" "
    out += patterns[0] if len(patterns) == 1 else parenthesised(patterns)
    if command.returns:
        words = [
            b"STATUS " + parenthesised(i.encode() for i in command.status_items) if w == "STATUS" else w.encode()
            for w in command.returns
        ]
        out += b" RETURN " + parenthesised(words)
    return out


def format_status(command: Status) -> bytes:
    """Arguments, with the space before."""
    return format_path_argument(command.path) + b" " + parenthesised(item.encode() for item in command.items)
