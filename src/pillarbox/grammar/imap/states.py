"""Which command is in order when: one table, the lecture's state diagram (RFC 3501 §3, RFC 9051 §3).

not authenticated → authenticated → selected → logout
"""

from enum import Enum

import msgspec

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


class State(Enum):
    """Where a session stands."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
BEFORE = frozenset({State.NOT_AUTHENTICATED})
SIGNED_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED = frozenset({State.SELECTED})

ALLOWED: dict[type[msgspec.Struct], frozenset[State]] = {
    session.Capability: ANY,
    session.Noop: ANY,
    session.Logout: ANY,
    session.Id: ANY,
    session.StartTls: BEFORE,
    session.Login: BEFORE,
    session.Authenticate: BEFORE,
    session.Enable: SIGNED_IN,
    mailbox.Create: SIGNED_IN,
    mailbox.Delete: SIGNED_IN,
    mailbox.Rename: SIGNED_IN,
    mailbox.Subscribe: SIGNED_IN,
    mailbox.Unsubscribe: SIGNED_IN,
    mailbox.List: SIGNED_IN,
    mailbox.Lsub: SIGNED_IN,
    mailbox.Status: SIGNED_IN,
    mailbox.Namespace: SIGNED_IN,
    quota.GetQuota: SIGNED_IN,
    quota.GetQuotaRoot: SIGNED_IN,
    quota.SetQuota: SIGNED_IN,
    append.Append: SIGNED_IN,
    select.Select: SIGNED_IN,
    select.Examine: SIGNED_IN,
    select.Idle: SIGNED_IN,
    select.Check: SELECTED,
    select.Close: SELECTED,
    select.Unselect: SELECTED,
    select.Expunge: SELECTED,
    search.Search: SELECTED,
    sort.Sort: SELECTED,
    thread.Thread: SELECTED,
    fetch.Fetch: SELECTED,
    store.Store: SELECTED,
    copy.Copy: SELECTED,
    copy.Move: SELECTED,
}

LEADS_TO: dict[type[msgspec.Struct], State] = {
    session.Login: State.AUTHENTICATED,
    session.Authenticate: State.AUTHENTICATED,
    select.Select: State.SELECTED,
    select.Examine: State.SELECTED,
    select.Close: State.AUTHENTICATED,
    select.Unselect: State.AUTHENTICATED,
    session.Logout: State.LOGOUT,
}
"""Where a command that succeeds leads. SELECT that fails leads to AUTHENTICATED (RFC 3501 §6.3.1)."""


def is_in_order(command: type[msgspec.Struct], state: State) -> bool:
    """Whether this command may come now; otherwise BAD."""
    return state in ALLOWED[command]
