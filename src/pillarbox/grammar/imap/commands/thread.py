"""THREAD: a search whose result is conversations (RFC 5256 §3); both ways."""

import msgspec

from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.grammar.imap.commands.search import format_keys, read_codec, read_keys
from pillarbox.model.arrangement import Threading
from pillarbox.model.query import Query


class Thread(msgspec.Struct, frozen=True):
    """THREAD, or UID THREAD."""

    threading: Threading
    query: Query
    by_uid: bool = False


def parse_thread(cursor: Cursor, *, by_uid: bool = False) -> Thread:
    """Algorithm, charset, keys. Raises: SyntaxProblem, BadCharset."""
    cursor.space()
    name = cursor.word("a threading algorithm")
    try:
        threading = Threading(name)
    except ValueError:
        raise cursor.fail(f"a threading algorithm, not {name}") from None
    cursor.space()
    codec = read_codec(cursor)
    cursor.space()
    return Thread(threading, read_keys(cursor, codec), by_uid)


def format_thread(command: Thread) -> bytes:
    """Arguments, with the space before."""
    return b" %b UTF-8 %b" % (command.threading.value.encode(), format_keys(command.query))
