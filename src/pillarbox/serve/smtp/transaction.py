"""The envelope of one message while it is put together, and the content while it comes."""

from typing import Protocol

from pillarbox.grammar.smtp.parameters import MailParameters
from pillarbox.model.address import Address
from pillarbox.model.envelope import Envelope, Recipient


class Abortable(Protocol):
    """Content on its way in."""

    def abort(self) -> None:
        """Leave nothing behind."""


class Transaction:
    """From MAIL to the end of the content. `first_line` is where it begins in the transcript."""

    __slots__ = ("first_line", "incoming", "parameters", "recipients", "reverse_path")

    def __init__(self, reverse_path: Address | None, parameters: MailParameters, first_line: int) -> None:
        self.reverse_path = reverse_path
        self.parameters = parameters
        self.first_line = first_line
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
        )

    def abort(self) -> None:
        """Give up content that has begun to come."""
        if self.incoming is not None:
            self.incoming.abort()
            self.incoming = None
