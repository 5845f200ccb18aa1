"""The envelope of one message while it is put together, and the content while it comes."""

from typing import Protocol

from pillarbox.grammar.smtp.parameters import MailParameters
from pillarbox.model.address import Address
from pillarbox.model.envelope import Envelope, Hold, Recipient
from pillarbox.model.ids import AccountId, TraceId


class Abortable(Protocol):
    """Content on its way in."""

    def abort(self) -> None:
        """Leave nothing behind."""


class LastAccepted:
    """The message that was accepted last: its passport takes what is said until the next one begins."""

    __slots__ = ("account_id", "is_new", "trace_id", "upto_line")

    def __init__(self, trace_id: TraceId, account_id: AccountId, upto_line: int) -> None:
        self.trace_id = trace_id
        self.account_id = account_id
        self.upto_line = upto_line
        self.is_new = True


class Transaction:
    """From MAIL to the end of the content. `first_line` is where it begins in the transcript."""

    __slots__ = ("first_line", "hold", "incoming", "parameters", "recipients", "reverse_path")

    def __init__(
        self, reverse_path: Address | None, parameters: MailParameters, first_line: int, hold: Hold | None = None
    ) -> None:
        self.reverse_path = reverse_path
        self.parameters = parameters
        self.first_line = first_line
        self.hold = hold
        self.recipients: list[Recipient] = []
        self.incoming: Abortable | None = None

    def envelope(self) -> Envelope:
        """As a value."""
        return Envelope(
            self.reverse_path,
            tuple(self.recipients),
            self.parameters.body_type,
            self.parameters.smtputf8,
            self.parameters.size_octets,
            self.hold,
        )

    def abort(self) -> None:
        """Give up content that has begun to come."""
        if self.incoming is not None:
            self.incoming.abort()
            self.incoming = None
