"""FETCH: which messages, which items (RFC 3501 §6.4.5, RFC 8474 §5.3); both ways."""

import re
from enum import Enum

import msgspec

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.atoms import Cursor, astring, parenthesised
from pillarbox.model.sequence_set import SequenceSet

_ITEM = re.compile(rb"[A-Za-z][A-Za-z0-9.]*")
_PART = re.compile(rb"[1-9]\d{0,8}(?:\.[1-9]\d{0,8})*")


class Item(Enum):
    """Items without arguments."""

    FLAGS = "FLAGS"
    UID = "UID"
    INTERNALDATE = "INTERNALDATE"
    SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    RFC822 = "RFC822"
    RFC822_HEADER = "RFC822.HEADER"
    RFC822_TEXT = "RFC822.TEXT"
    EMAIL_ID = "EMAILID"
    THREAD_ID = "THREADID"


class Section(msgspec.Struct, frozen=True):
    """`BODY[numbers.text (fields)]<start.count>`; `peek` leaves \\Seen alone. `text` is one of "", HEADER,
    HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME; `fields` as written."""

    numbers: tuple[int, ...] = ()
    text: str = ""
    fields: tuple[bytes, ...] = ()
    partial: tuple[int, int] | None = None
    peek: bool = False


FetchItem = Item | Section

MACROS: dict[str, tuple[Item, ...]] = {
    "FAST": (Item.FLAGS, Item.INTERNALDATE, Item.SIZE),
    "ALL": (Item.FLAGS, Item.INTERNALDATE, Item.SIZE, Item.ENVELOPE),
    "FULL": (Item.FLAGS, Item.INTERNALDATE, Item.SIZE, Item.ENVELOPE, Item.BODY),
}
_TEXTS = ("HEADER.FIELDS.NOT", "HEADER.FIELDS", "HEADER", "TEXT", "MIME")


class Fetch(msgspec.Struct, frozen=True):
    """`by_uid` is UID FETCH; the UID item is then among the items."""

    numbers: SequenceSet
    items: tuple[FetchItem, ...]
    by_uid: bool = False


def parse_fetch(cursor: Cursor, *, by_uid: bool = False) -> Fetch:
    """Set and items."""
    cursor.space()
    numbers = sequence_set.parse(cursor)
    cursor.space()
    if cursor.peek() == b"(":
        items = tuple(cursor.items(lambda: _item(cursor)))
    else:
        place = cursor.place
        macro = MACROS.get(cursor.match(_ITEM, "a fetch item").decode().upper())
        cursor.place = place if macro is None else cursor.place
        items = macro or (_item(cursor),)
    if by_uid and Item.UID not in items:
        items = (Item.UID, *items)
    return Fetch(numbers, tuple(dict.fromkeys(items)), by_uid)


def _item(cursor: Cursor) -> FetchItem:
    name = cursor.match(_ITEM, "a fetch item").decode().upper()
    if name in ("BODY", "BODY.PEEK") and cursor.peek() == b"[":
        return read_section(cursor, peek=name == "BODY.PEEK")
    try:
        return Item(name)
    except ValueError:
        raise cursor.fail(f"a fetch item, not {name}") from None


def read_section(cursor: Cursor, *, peek: bool) -> Section:
    """From `[` to the end of `<start.count>`."""
    cursor.expect(b"[")
    numbers: tuple[int, ...] = ()
    text = ""
    if cursor.peek().isdigit():
        numbers = tuple(int(n) for n in cursor.match(_PART, "part numbers").split(b"."))
        if cursor.accept(b"."):
            text = _text(cursor, in_part=True)
    elif cursor.peek() != b"]":
        text = _text(cursor, in_part=False)
    fields: tuple[bytes, ...] = ()
    if text.startswith("HEADER.FIELDS"):
        cursor.space()
        fields = tuple(cursor.items(lambda: cursor.astring("a field name")))
    cursor.expect(b"]")
    return Section(numbers, text, fields, _partial(cursor), peek)


def _text(cursor: Cursor, *, in_part: bool) -> str:
    for text in _TEXTS:
        if cursor.accept_word(text.encode()):
            if text == "MIME" and not in_part:
                raise cursor.fail("MIME after part numbers only")
            return text
    raise cursor.fail("HEADER, HEADER.FIELDS, TEXT or MIME")


def _partial(cursor: Cursor) -> tuple[int, int] | None:
    if not cursor.accept(b"<"):
        return None
    start = cursor.number("the first octet")
    cursor.expect(b".")
    count = cursor.number("a count of octets")
    if not count:
        raise cursor.fail("a count above 0")
    cursor.expect(b">")
    return start, count


def format_section(section: Section) -> bytes:
    """`[1.HEADER.FIELDS (To From)]`, without `<…>`: as it also stands in the response."""
    out = b".".join([*(b"%d" % n for n in section.numbers), *([section.text.encode()] if section.text else [])])
    if section.fields:
        out += b" " + parenthesised(astring(field) for field in section.fields)
    return b"[%b]" % out


def format_item(item: FetchItem) -> bytes:
    """As in the command."""
    if isinstance(item, Item):
        return item.value.encode()
    partial = b"" if item.partial is None else b"<%d.%d>" % item.partial
    return (b"BODY.PEEK" if item.peek else b"BODY") + format_section(item) + partial


def format_fetch(command: Fetch) -> bytes:
    """Arguments, with the space before."""
    items = b" ".join(format_item(item) for item in command.items)
    return b" %b (%b)" % (sequence_set.format(command.numbers), items)
