"""One message as a search sees it: facts, kept envelope, and, where a key asks for it, its folded texts.

A text is decoded and folded once for each message, whatever the number of keys that look at it.
"""

from datetime import date

from pillarbox.core.content import StoredContent
from pillarbox.grammar.message import header
from pillarbox.grammar.message.date import written_day
from pillarbox.grammar.message.header import fields
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.grammar.message.text import all_header_text, fold, header_text, headers_of, part_text, text_parts
from pillarbox.model.keywords import FlagSet
from pillarbox.store.messages import MessageFacts

_KEPT = {name.decode(): place for place, name in enumerate(ENVELOPE_FIELDS)}


def is_kept(name: str) -> bool:
    """Whether the field stands in the envelope that was kept at delivery; `name` in lower case."""
    return name in _KEPT


class Subject:
    """One message; `octets` is None until it was read, then its header, or all of it."""

    __slots__ = ("_body", "_headers", "facts", "flags", "modseq", "number", "octets", "part", "uid")

    def __init__(self, uid: int, flags: FlagSet, modseq: int, number: int, facts: MessageFacts) -> None:
        self.uid = uid
        self.flags = flags
        self.modseq = modseq
        self.number = number
        self.facts = facts
        self.part: Part | None = None
        self.octets: bytes | None = None
        self._headers: str | None = None
        self._body: str | None = None

    def has_field(self, name: str, text: str) -> bool:
        """Whether a field of this name has the folded text in it; the empty text asks for the field alone."""
        if self.octets is None and self.part is not None and is_kept(name):
            value = self.part.envelope[_KEPT[name]]
            return value is not None and (not text or text in fold(header_text(value)))
        assert self.octets is not None and self.part is not None
        wanted = name.encode()
        return any(
            not text or text in fold(header_text(field.value))
            for field in fields(self.octets, self.part.start, self.part.body)
            if field.name.lower() == wanted
        )

    def sent_day(self) -> date | None:
        """The day that the Date field writes."""
        assert self.part is not None
        value = self.part.envelope[_KEPT["date"]]
        return None if value is None else written_day(header.unfold(value))

    def has_text(self, text: str, *, body_only: bool) -> bool:
        """Whether the folded text stands in the body, or in any header too."""
        assert self.octets is not None and self.part is not None
        if self._body is None:
            octets = self.octets
            self._body = "\n".join(fold(part_text(octets, part)) for part in text_parts(self.part))
        if text in self._body:
            return True
        if body_only:
            return False
        if self._headers is None:
            self._headers = fold(all_header_text(self.octets, headers_of(self.part)))
        return text in self._headers


async def read(subject: Subject, content: StoredContent, *, whole: bool) -> None:
    """Bring in the header, or all octets."""
    subject.part = content.part
    subject.octets = await content.read(0, None if whole else subject.part.body)
