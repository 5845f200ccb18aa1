"""One message as a search sees it: what is known of its texts, brought in where a key asks for it.

Texts are folded once for each message, whatever the number of keys that look at it: they come from the tables that are
filled behind delivery (`core.finding.indexing`), or else from the content, and say the same.
"""

from datetime import date

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.finding.folded import folded_content, folded_fields, kept_fields
from pillarbox.grammar.message import header
from pillarbox.grammar.message.date import written_day
from pillarbox.grammar.message.header import fields
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.grammar.message.text import fold, header_text
from pillarbox.grammar.message.words import Needle
from pillarbox.model.keywords import FlagSet
from pillarbox.store.messages import MessageFacts

_KEPT = {name.decode(): place for place, name in enumerate(ENVELOPE_FIELDS)}


def is_kept(name: str) -> bool:
    """Whether the field stands in the envelope that was kept at delivery; `name` in lower case."""
    return name in _KEPT


class Texts:
    """What is known of a message's texts. `part` has the envelope; `header` are the octets of the message's own header,
    None until they were read."""

    __slots__ = ("_body", "_fields", "_head", "_kept_fields", "header", "part")

    def __init__(self) -> None:
        self.part: Part | None = None
        self.header: bytes | None = None
        self._kept_fields: bytes | None = None
        self._fields: tuple[str, ...] | None = None
        self._head: str | None = None
        self._body: str | None = None

    def keep(self, fields: bytes, body: bytes | None = None, head: bytes | None = None) -> None:
        """Take folded texts from the tables."""
        self._kept_fields = fields
        self._body = None if body is None else body.decode()
        self._head = None if head is None else head.decode()

    async def read_header(self, content: StoredContent) -> None:
        """Bring in the message's own header."""
        self.part = content.part
        self.header = await content.read(0, self.part.body)

    async def read_all(self, content: StoredContent) -> None:
        """Bring in the header, and fold all texts. Raises: NotFound, StorageUnavailable."""
        await self.read_header(content)
        assert self.part is not None
        found = await folded_content(content, self.part)
        assert found is not None
        self._fields, self._head, self._body = found.fields, found.head, found.body

    def let_go(self) -> None:
        """Give the memory of large texts back; what was small stays."""
        self.header = self._head = self._body = None

    def has_field(self, name: str, text: str) -> bool:
        """Whether a field of this name has the folded text in it; the empty text asks for the field alone. The
        envelope speaks for the fields that it has."""
        assert self.part is not None
        if is_kept(name):
            value = self.part.envelope[_KEPT[name]]
            return value is not None and (not text or text in fold(header_text(value)))
        assert self.header is not None
        wanted = name.encode()
        return any(
            not text or text in fold(header_text(field.value))
            for field in fields(self.header, self.part.start, self.part.body)
            if field.name.lower() == wanted
        )

    def sent_day(self) -> date | None:
        """The day that the Date field writes."""
        assert self.part is not None
        value = self.part.envelope[_KEPT["date"]]
        return None if value is None else written_day(header.unfold(value))

    def has_text(self, text: str, *, body_only: bool) -> bool:
        """Whether the folded text stands in the body, or in any header too."""
        assert self._body is not None
        if text in self._body:
            return True
        if body_only:
            return False
        assert self._head is not None
        return text in self._head

    def has_words(self, needle: Needle, places: tuple[int, ...], *, in_body: bool) -> bool:
        """Whether it stands, as words, in one of these fields of `store.search.FIELDS`, or in the body."""
        if places:
            fields = self._folded_fields()
            if any(needle.is_in(fields[place]) for place in places):
                return True
        if not in_body:
            return False
        assert self._body is not None
        return needle.is_in(self._body)

    def _folded_fields(self) -> tuple[str, ...]:
        if self._fields is None:
            if self._kept_fields is not None:
                self._fields = kept_fields(self._kept_fields)
            else:
                assert self.part is not None
                self._fields = folded_fields(self.part)
        return self._fields


class Subject(Texts):
    """A message in a mailbox, by its UID there. `facts`, `flags` and `modseq` are there where a key asks for them."""

    __slots__ = ("facts", "flags", "message_id", "modseq", "uid")

    def __init__(self, uid: int, message_id: int) -> None:
        super().__init__()
        self.uid = uid
        self.message_id = message_id
        self.facts: MessageFacts | None = None
        self.flags = FlagSet()
        self.modseq = 0
