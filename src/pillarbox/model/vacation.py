"""The answer of somebody who is away, as its owner wrote it (RFC 8621 §8): a value; who gets it is decided elsewhere."""

from datetime import datetime

import msgspec


class Vacation(msgspec.Struct, frozen=True):
    """What an account has set up. `begins` None: at once; `ends` None: until it is switched off.

    What is None among `subject`, `text` and `html` is made when an answer is sent.
    """

    is_enabled: bool = False
    begins: datetime | None = None
    ends: datetime | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None

    def is_on(self, moment: datetime) -> bool:
        """Whether what arrives at this moment is answered: from `begins` on, before `ends`."""
        return (
            self.is_enabled
            and (self.begins is None or moment >= self.begins)
            and (self.ends is None or moment < self.ends)
        )
