"""From meaning to response: NO or BAD, and the code that says why (RFC 3501 §7.1, RFC 5530 §3); complete by test."""

from pillarbox.grammar.imap.commands.line import UnknownCommand
from pillarbox.grammar.imap.commands.mailbox import BadUse
from pillarbox.grammar.imap.commands.search import BadCharset
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model import errors

CODES: dict[type[errors.MailError], tuple[str, bytes]] = {
    errors.MailError: ("NO", b"CANNOT"),
    errors.SyntaxProblem: ("BAD", b""),
    UnknownCommand: ("BAD", b""),
    BadUse: ("NO", b"USEATTR"),
    BadCharset: ("NO", b"BADCHARSET (US-ASCII UTF-8)"),
    errors.Invalid: ("NO", b"CANNOT"),
    errors.NotFound: ("NO", b"NONEXISTENT"),
    errors.AlreadyExists: ("NO", b"ALREADYEXISTS"),
    errors.Conflict: ("NO", b"INUSE"),
    errors.NotAllowed: ("NO", b"NOPERM"),
    errors.RelayDenied: ("NO", b"NOPERM"),
    errors.BadCredentials: ("NO", b"AUTHENTICATIONFAILED"),
    errors.TransitionNeeded: ("NO", b"AUTHENTICATIONFAILED"),
    errors.OverLimit: ("NO", b"LIMIT"),
    errors.OverQuota: ("NO", b"OVERQUOTA"),
    errors.TooLarge: ("NO", b"TOOBIG"),
    errors.TooMany: ("NO", b"LIMIT"),
    errors.RateLimited: ("NO", b"UNAVAILABLE"),
    errors.Refused: ("NO", b"NOPERM"),
    errors.NoMailAccepted: ("NO", b"NOPERM"),
    errors.Unavailable: ("NO", b"UNAVAILABLE"),
    errors.InsufficientStorage: ("NO", b"UNAVAILABLE"),
    errors.StorageUnavailable: ("NO", b"UNAVAILABLE"),
    errors.StorageBroken: ("NO", b"UNAVAILABLE"),
}


def reply_to(tag: bytes, error: errors.MailError, *, code: bytes | None = None) -> Status:
    """The tagged response that says what is wrong; `code` where the command has its own (TRYCREATE)."""
    for kind in type(error).__mro__:
        row = CODES.get(kind)
        if row is not None:
            # A text may quote what the client wrote: it stays on one line.
            return Status(tag, row[0], " ".join(error.text.split()), row[1] if code is None else code)
    raise TypeError(f"{type(error).__name__} has no row")  # cannot be: MailError has one


def bug(tag: bytes) -> Status:
    """Something of ours failed (RFC 5530 §3)."""
    return Status(tag, "NO", "Something went wrong here; nothing was lost", b"SERVERBUG")
