"""From meaning to code: one table, complete by test; and the replies that need no error (RFC 5321 §4.2)."""

import re

from pillarbox.core.flow.intake import HoldRefused
from pillarbox.grammar.smtp.commands import UnknownCommand
from pillarbox.grammar.smtp.parameters import UnknownParameter
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.model import errors

TEXT_OCTETS = 480
"""With code and status a reply line has at most 512 octets (RFC 5321 §4.5.3.1.5)."""
_UNSAFE = re.compile(r"[^ -~]")

CODES: dict[type[errors.MailError], tuple[int, str]] = {
    errors.MailError: (550, "5.0.0"),
    errors.SyntaxProblem: (501, "5.5.4"),
    UnknownCommand: (500, "5.5.1"),
    UnknownParameter: (555, "5.5.4"),
    errors.Invalid: (554, "5.6.0"),
    HoldRefused: (501, "5.5.4"),
    errors.NotFound: (550, "5.1.1"),
    errors.AlreadyExists: (550, "5.7.1"),
    errors.Conflict: (451, "4.3.0"),
    errors.NotAllowed: (550, "5.7.1"),
    errors.RelayDenied: (550, "5.7.1"),
    errors.BadCredentials: (535, "5.7.8"),
    errors.TransitionNeeded: (432, "4.7.12"),
    errors.OverLimit: (552, "5.3.4"),
    errors.OverQuota: (452, "4.2.2"),
    errors.TooLarge: (552, "5.3.4"),
    errors.TooMany: (452, "4.5.3"),
    errors.RateLimited: (450, "4.7.1"),
    errors.Refused: (550, "5.7.1"),
    errors.NoMailAccepted: (556, "5.1.10"),
    errors.Unavailable: (451, "4.3.0"),
    errors.InsufficientStorage: (452, "4.3.1"),
    errors.StorageUnavailable: (451, "4.3.0"),
    errors.StorageBroken: (451, "4.3.0"),
}


def reply_to(error: errors.MailError) -> Reply:
    """The reply that says what is wrong: the row of its class, or of the nearest above it."""
    for kind in type(error).__mro__:
        row = CODES.get(kind)
        if row is not None:
            return make(row[0], row[1], error.text)
    raise TypeError(f"{type(error).__name__} has no row")  # cannot be: MailError has one


def make(code: int, status: str, text: str) -> Reply:
    """A reply of one line."""
    return Reply(code, status, (plain(text),))


def plain(text: str) -> str:
    """Text that may repeat what the peer said, fit for a reply line: printable ASCII, and not too long. UTF-8 is for
    those who have asked for it (RFC 6531 §3.7.4)."""
    return _UNSAFE.sub("?", text[:TEXT_OCTETS])


OK = make(250, "2.0.0", "Ok")
SENDER_OK = make(250, "2.1.0", "Sender ok")
RECIPIENT_OK = make(250, "2.1.5", "Recipient ok")
WILL_FORWARD = make(251, "2.1.5", "User not local; will forward")
FLUSHED = make(250, "2.0.0", "Flushed")
START_CONTENT = Reply(354, "", ("Start mail input; end with <CRLF>.<CRLF>",))
CANNOT_VERIFY = make(252, "2.5.2", "Cannot verify the user, but will take a message and try")
NO_EXPN = make(502, "5.5.1", "EXPN is not offered")
NO_DSN = make(555, "5.5.4", "DSN is not offered: no NOTIFY, ORCPT, RET or ENVID")
HOLD_NOT_HERE = make(555, "5.5.4", "FUTURERELEASE is not offered here: use the submission port")
NO_BDAT = make(502, "5.5.1", "CHUNKING is not offered")
READY_FOR_TLS = make(220, "2.0.0", "Ready to start TLS")
NO_TLS = make(454, "4.7.0", "TLS is not available for now")
TLS_ALREADY = make(503, "5.5.1", "TLS is active already")
SIGNED_IN = make(235, "2.7.0", "Signed in")
SIGN_IN_FIRST = make(530, "5.7.0", "Sign in first")
SIGNED_IN_ALREADY = make(503, "5.5.1", "Signed in already")
NO_SIGN_IN = make(502, "5.5.1", "AUTH is not offered here: use the submission port")
UNKNOWN_MECHANISM = make(504, "5.5.4", "Unknown mechanism: PLAIN and LOGIN are offered")
ENCRYPT_FIRST = make(523, "5.7.10", "Encryption is needed before a password may be sent: STARTTLS first")
CANCELLED = make(501, "5.7.0", "Authentication cancelled")
EXCHANGE_TOO_LONG = make(500, "5.5.6", "Authentication exchange line is too long")
LINE_TOO_LONG = make(500, "5.5.2", "Line too long")
TOO_MANY_RECIPIENTS = make(452, "4.5.3", "Too many recipients in one message: send the rest in another")
CANNOT_SKIP_CHUNK = make(421, "4.7.0", "What follows BDAT cannot be told from commands, closing")
TOO_MANY_ERRORS = make(421, "4.7.0", "Too many errors, closing")
TOO_MANY_COMMANDS = make(421, "4.7.0", "Too many commands in one connection, closing")
SILENT_TOO_LONG = make(421, "4.4.2", "Nothing was said for too long, closing")
SHUTTING_DOWN = make(421, "4.3.2", "The service closes, try again later")
BUG = make(451, "4.3.0", "Something went wrong here; nothing was accepted, nothing was lost")
BUG_INSIDE = make(421, "4.3.0", "Something went wrong here; nothing was accepted, closing")
BARE_LINE_END = make(554, "5.6.0", "Bare CR or LF in the message: line ends must be CRLF")
NUL_INSIDE = make(554, "5.6.0", "NUL in the message")
LINES_TOO_LONG = make(554, "5.6.0", "A line of the message is too long")
