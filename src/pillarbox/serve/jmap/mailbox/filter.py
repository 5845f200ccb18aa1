"""What Mailbox/query can be asked for (RFC 8621 §2.3)."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pillarbox.grammar.message.text import fold
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import MailboxId
from pillarbox.model.mailbox import Mailbox
from pillarbox.serve.jmap.mailbox.objects import mailbox_id_of, name_of

Parents: TypeAlias = Mapping[MailboxId, MailboxId | None]
Test: TypeAlias = Callable[[Mailbox], bool]


def conditions(above: Parents) -> dict[str, Callable[[object], Test]]:
    """Those of a FilterCondition, where mailboxes have these parents."""
    return {
        "parentId": lambda value: _below(value, above),
        "name": _named,
        "role": _with_role,
        "hasAnyRole": _with_any_role,
        "isSubscribed": _subscribed,
    }


def _below(value: object, above: Parents) -> Test:
    """An id that none has is no one's parent."""
    text = _string_or_null(value)
    parent_id = None if text is None else mailbox_id_of(text)
    return lambda mailbox: above[mailbox.id] == parent_id


def _named(value: object) -> Test:
    if not isinstance(value, str):
        raise SyntaxProblem("a string")
    name = fold(value)
    return lambda mailbox: name in fold(name_of(mailbox))


def _with_role(value: object) -> Test:
    role = _string_or_null(value)
    return lambda mailbox: (mailbox.role and mailbox.role.value) == role


def _with_any_role(value: object) -> Test:
    is_wanted = _boolean(value)
    return lambda mailbox: (mailbox.role is not None) is is_wanted


def _subscribed(value: object) -> Test:
    is_wanted = _boolean(value)
    return lambda mailbox: mailbox.subscribed is is_wanted


def _string_or_null(value: object) -> str | None:
    if not isinstance(value, str | None):
        raise SyntaxProblem("a string or null")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise SyntaxProblem("a boolean")
    return value
