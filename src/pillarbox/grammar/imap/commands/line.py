"""A whole command: tag, name, arguments (RFC 3501 §2.2.1); both ways, by one table of names."""

from collections.abc import Callable
from typing import Any

import msgspec

from pillarbox.grammar.imap.atoms import TAG, Cursor
from pillarbox.grammar.imap.commands import (
    append,
    copy,
    fetch,
    mailbox,
    quota,
    search,
    select,
    session,
    sort,
    store,
    thread,
)
from pillarbox.grammar.imap.mailbox_name import Path
from pillarbox.model.errors import SyntaxProblem

Command = msgspec.Struct


class UnknownCommand(SyntaxProblem):
    """No command of ours has that name."""


def _plain(kind: Callable[[], Command]) -> Callable[[Cursor], Command]:
    return lambda cursor: kind()


def _on_path(kind: Callable[[Path], Command]) -> Callable[[Cursor], Command]:
    return lambda cursor: kind(mailbox.read_path(cursor))


PARSERS: dict[str, Callable[[Cursor], Command]] = {
    "CAPABILITY": _plain(session.Capability),
    "NOOP": _plain(session.Noop),
    "LOGOUT": _plain(session.Logout),
    "STARTTLS": _plain(session.StartTls),
    "ID": session.parse_id,
    "ENABLE": session.parse_enable,
    "LOGIN": session.parse_login,
    "AUTHENTICATE": session.parse_authenticate,
    "SELECT": _on_path(select.Select),
    "EXAMINE": _on_path(select.Examine),
    "CREATE": mailbox.parse_create,
    "DELETE": _on_path(mailbox.Delete),
    "RENAME": mailbox.parse_rename,
    "SUBSCRIBE": _on_path(mailbox.Subscribe),
    "UNSUBSCRIBE": _on_path(mailbox.Unsubscribe),
    "LIST": mailbox.parse_list,
    "LSUB": mailbox.parse_lsub,
    "STATUS": mailbox.parse_status,
    "NAMESPACE": _plain(mailbox.Namespace),
    "GETQUOTA": quota.parse_get_quota,
    "GETQUOTAROOT": _on_path(quota.GetQuotaRoot),
    "SETQUOTA": quota.parse_set_quota,
    "APPEND": append.parse_append,
    "CHECK": _plain(select.Check),
    "CLOSE": _plain(select.Close),
    "UNSELECT": _plain(select.Unselect),
    "EXPUNGE": _plain(select.Expunge),
    "IDLE": _plain(select.Idle),
    "SEARCH": search.parse_search,
    "SORT": sort.parse_sort,
    "THREAD": thread.parse_thread,
    "FETCH": fetch.parse_fetch,
    "STORE": store.parse_store,
    "COPY": copy.parse_copy,
    "MOVE": copy.parse_move,
}

UID_PARSERS: dict[str, Callable[[Cursor], Command]] = {
    "SEARCH": lambda cursor: search.parse_search(cursor, by_uid=True),
    "SORT": lambda cursor: sort.parse_sort(cursor, by_uid=True),
    "THREAD": lambda cursor: thread.parse_thread(cursor, by_uid=True),
    "FETCH": lambda cursor: fetch.parse_fetch(cursor, by_uid=True),
    "STORE": lambda cursor: store.parse_store(cursor, by_uid=True),
    "COPY": lambda cursor: copy.parse_copy(cursor, by_uid=True),
    "MOVE": lambda cursor: copy.parse_move(cursor, by_uid=True),
    "EXPUNGE": select.parse_uid_expunge,
}

FORMATTERS: dict[type[Command], Callable[[Any], bytes]] = {
    session.Id: session.format_id,
    session.Enable: lambda command: b"".join(b" " + name.encode() for name in command.names),
    session.Login: session.format_login,
    session.Authenticate: session.format_authenticate,
    mailbox.Create: mailbox.format_create,
    mailbox.Rename: lambda c: mailbox.format_path_argument(c.path) + mailbox.format_path_argument(c.new_path),
    mailbox.List: mailbox.format_list,
    mailbox.Lsub: lambda c: mailbox.format_list(mailbox.List(c.reference, (c.pattern,))),
    mailbox.Status: mailbox.format_status,
    select.Expunge: select.format_expunge,
    quota.GetQuota: quota.format_get_quota,
    quota.SetQuota: quota.format_set_quota,
    search.Search: search.format_search,
    sort.Sort: sort.format_sort,
    thread.Thread: thread.format_thread,
    fetch.Fetch: fetch.format_fetch,
    store.Store: store.format_store,
    copy.Copy: copy.format_copy,
    copy.Move: copy.format_copy,
    **{
        kind: (lambda command: mailbox.format_path_argument(command.path))
        for kind in (
            select.Select,
            select.Examine,
            mailbox.Delete,
            mailbox.Subscribe,
            mailbox.Unsubscribe,
            quota.GetQuotaRoot,
        )
    },
}


def tag_of(text: bytes) -> bytes:
    """The tag that a command begins with; `*` when there is none, for the answer to it."""
    found = TAG.match(text)
    return found.group() if found is not None and text[found.end() : found.end() + 1] in (b" ", b"") else b"*"


def parse(text: bytes) -> tuple[bytes, Command]:
    """(tag, command). Raises: SyntaxProblem, UnknownCommand."""
    cursor = Cursor(text)
    tag = cursor.match(TAG, "a tag")
    cursor.space()
    name = cursor.word("a command")
    parsers = PARSERS
    if name == "UID":
        cursor.space()
        name = cursor.word("a command that takes UIDs")
        parsers = UID_PARSERS
    parser = parsers.get(name)
    if parser is None:
        raise UnknownCommand("a command")
    command = parser(cursor)
    if not isinstance(command, append.Append):
        cursor.end()
    return tag, command


def name_of(command: Command) -> str:
    """`FETCH`, `UID FETCH`, …"""
    name = type(command).__name__.upper()
    by_uid = getattr(command, "by_uid", False) or (isinstance(command, select.Expunge) and command.uids is not None)
    return f"UID {name}" if by_uid else name


def format(tag: bytes, command: Command) -> bytes:
    """The line with CRLF; literals stand in it as `{n}` CRLF octets."""
    formatter = FORMATTERS.get(type(command))
    arguments = b"" if formatter is None else formatter(command)
    return b"%b %b%b\r\n" % (tag, name_of(command).encode(), arguments)
