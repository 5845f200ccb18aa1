"""Which command is in order when: one table (RFC 5321 §4.1.4), in the lecture's three phases.

handshake: CONNECTED → GREETED        transfer: GREETED → MAIL → RCPT → (content) → GREETED        closure: QUIT
"""

from enum import Enum

from pillarbox.grammar.smtp.commands import (
    Auth,
    Bdat,
    Command,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
)


class State(Enum):
    """Where a session stands."""

    CONNECTED = "connected"
    """No EHLO yet."""
    GREETED = "greeted"
    """No transaction."""
    MAIL = "mail"
    """A reverse-path, no recipient that was accepted."""
    RCPT = "rcpt"
    """At least one recipient."""


ANY = frozenset(State)
OPEN = frozenset({State.GREETED})

ALLOWED: dict[type[Command], frozenset[State]] = {
    Helo: ANY,
    Ehlo: ANY,
    Noop: ANY,
    Help: ANY,
    Quit: ANY,
    Rset: ANY,
    Vrfy: ANY,
    Expn: ANY,
    StartTls: OPEN,
    Auth: OPEN,
    Mail: OPEN,
    Rcpt: frozenset({State.MAIL, State.RCPT}),
    Data: frozenset({State.RCPT}),
    Bdat: ANY,
}

EXPECTED: dict[type[Command], str] = {
    StartTls: "EHLO first, and no mail transaction",
    Auth: "EHLO first, and no mail transaction",
    Mail: "EHLO first, and one transaction at a time",
    Rcpt: "MAIL first",
    Data: "RCPT first",
}


def is_in_order(command: type[Command], state: State) -> bool:
    """Whether this command may come now; otherwise 503."""
    return state in ALLOWED[command]
