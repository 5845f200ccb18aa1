"""What can go wrong, in no protocol's words.

    MailError
    ├── SyntaxProblem          the bytes do not follow their grammar (grammar raises only this)
    ├── Invalid                well-formed, but makes no sense here
    ├── NotFound               the thing named does not exist
    ├── AlreadyExists          the thing named exists already
    ├── Conflict               somebody else changed it first
    ├── NotAllowed             this client may not do that
    │   └── RelayDenied        mail to strangers, from a stranger
    ├── BadCredentials         wrong name or password (constant text for unknown names)
    │   └── TransitionNeeded   one PLAIN login over TLS must make the verifier first (RFC 4954 §6)
    ├── OverLimit              a bound of `model.limits` was met
    │   ├── OverQuota          the mailbox's owner has no room
    │   ├── TooLarge           one message, line, literal
    │   ├── TooMany            recipients, parts, commands
    │   └── RateLimited        too often
    ├── Refused                policy says no, for good
    │   └── NoMailAccepted     the domain or host takes no mail (RFC 7504, RFC 7505)
    └── Unavailable            try again later: nothing was accepted, nothing was lost
        ├── InsufficientStorage    the disk is full
        ├── StorageUnavailable     the store could not do it now
        └── StorageBroken          the store refuses all writes until a restart

Each class says whether it is temporary; each protocol's `replies.py` maps every class to its own code.
Texts are public: they reveal nothing of the inside.
"""

from typing import ClassVar


class MailError(Exception):
    """Something is wrong that a peer or a person can be told of."""

    temporary: ClassVar[bool] = False

    def __init__(self, text: str = "") -> None:
        super().__init__(text or self.__class__.__name__)
        self.text = text or self.__class__.__name__


class SyntaxProblem(MailError):
    """The bytes at `offset` are not `expected`. The only error that `grammar` raises, for any input."""

    def __init__(self, expected: str, offset: int = 0) -> None:
        super().__init__(f"expected {expected} at octet {offset}")
        self.expected = expected
        self.offset = offset


class Invalid(MailError):
    """Well-formed, but makes no sense here."""


class NotFound(MailError):
    """The thing named does not exist."""


class AlreadyExists(MailError):
    """The thing named exists already."""


class Conflict(MailError):
    """Somebody else changed it first (a unique key, a state)."""


class NotAllowed(MailError):
    """This client may not do that."""


class RelayDenied(NotAllowed):
    """Mail for another domain from a client that has not signed in (RFC 5321 §7.1)."""


class BadCredentials(MailError):
    """Wrong name or password; says the same for unknown names."""


class TransitionNeeded(BadCredentials):
    """The account has no verifier for this mechanism yet; one PLAIN login over TLS makes it (RFC 4954 §6)."""

    temporary = True


class OverLimit(MailError):
    """A bound of `model.limits` was met."""


class OverQuota(OverLimit):
    """The owner of the mailbox has no room left."""

    temporary = True


class TooLarge(OverLimit):
    """One message, line or literal exceeds its limit."""


class TooMany(OverLimit):
    """More recipients, parts or commands than the limit allows."""

    temporary = True


class RateLimited(OverLimit):
    """Too often in too short a time."""

    temporary = True


class Refused(MailError):
    """Policy says no, for good."""


class NoMailAccepted(Refused):
    """The host or the domain takes no mail at all (RFC 7504 §2, RFC 7505 §3)."""


class Unavailable(MailError):
    """Try again later: nothing was accepted, nothing was lost."""

    temporary = True


class InsufficientStorage(Unavailable):
    """The disk is full."""


class StorageUnavailable(Unavailable):
    """The store could not do it now."""


class StorageBroken(Unavailable):
    """The store refuses all writes until the process is started again (a sync failed)."""
