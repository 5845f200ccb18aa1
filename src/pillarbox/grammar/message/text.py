"""The text of a message, decoded, and folded for search.

Folding is NFKC and case folding; `FOLD_VERSION` grows when what `fold` or `search_text` answers changes, so that stored
folded text can be made anew.
"""

import re
import unicodedata

from pillarbox.grammar.message import encoded_word, parameters, transfer
from pillarbox.grammar.message.charset import decode
from pillarbox.grammar.message.header import Content, fields, unfold
from pillarbox.grammar.message.part import Part

FOLD_VERSION = 2
# What is never closed goes to the end, as in browsers; looking for many ends in vain would cost the square of the length.
_HTML_HIDDEN = re.compile(r"<(script|style|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
_HTML_TAG = re.compile(r"<[^<>]*>")
_HTML_LABEL = re.compile(r"""\s(?:alt|title)\s*=\s*(?:"([^"<>]+)"|'([^'<>]+)'|([^\s"'<>]+))""", re.IGNORECASE)
"""Attributes whose values a reader may see (RFC 8621 §4.4.1). Text that only looks like one is no harm to a search."""
_HTML_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z]{2,8}));")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_UMLAUTS = {
    "auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é",
    "egrave": "è", "agrave": "à", "ccedil": "ç", "ntilde": "ñ", "aring": "å", "oslash": "ø", "aelig": "æ",
}  # fmt: skip


def fold(text: str) -> str:
    """What two texts have in common when they are the same to a reader."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold()


def header_text(value: bytes) -> str:
    """An unstructured field value as people read it."""
    return encoded_word.decode(unfold(value))


def part_text(content: Content, part: Part) -> str:
    """The decoded text of a text part; of HTML, what is shown."""
    text = _decoded(content, part)
    return shown_html(text) if part.subtype.lower() == b"html" else text


def search_text(content: Content, part: Part) -> str:
    """The same for a search: of HTML also what stands for pictures and what explains, behind all else, a line each."""
    text = _decoded(content, part)
    if part.subtype.lower() != b"html":
        return text
    source = _HTML_HIDDEN.sub(" ", text)
    labels = (_resolved("".join(match)) for match in _HTML_LABEL.findall(source))
    return "\n".join((_resolved(_HTML_TAG.sub(" ", source)), *labels))


def _decoded(content: Content, part: Part) -> str:
    octets = transfer.decode(content[part.body : part.end], part.encoding)
    return decode(octets, parameters.find(part.parameters, b"charset") or "us-ascii")


def shown_html(source: str) -> str:
    """What a reader of the HTML sees, roughly: no tags, no scripts, entities resolved. For search, not for display."""
    return _resolved(_HTML_TAG.sub(" ", _HTML_HIDDEN.sub(" ", source)))


def _resolved(text: str) -> str:
    return _HTML_ENTITY.sub(_entity, text)


def _entity(match: re.Match[str]) -> str:
    if match[3]:
        return _ENTITIES.get(match[3]) or _UMLAUTS.get(match[3]) or match[0]
    number = int(match[1]) if match[1] else int(match[2], 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"


def text_parts(part: Part) -> list[Part]:
    """All text parts, those of messages inside too, in order."""
    if part.inner is not None:
        return text_parts(part.inner)
    if part.children:
        return [found for child in part.children for found in text_parts(child)]
    return [part] if part.is_text else []


def headers_of(part: Part) -> list[tuple[int, int]]:
    """Where all header blocks lie: the message's, its parts', and those of messages inside."""
    places = [(part.start, part.body)]
    for child in part.children:
        places += headers_of(child)
    if part.inner is not None:
        places += headers_of(part.inner)
    return places


def all_header_text(content: Content, places: list[tuple[int, int]]) -> str:
    """Names and decoded values of all fields there, a line each."""
    return "\n".join(
        f"{decode(field.name, 'utf-8')}: {header_text(field.value)}"
        for start, end in places
        for field in fields(content, start, end)
    )


def main_text(content: Content, part: Part) -> tuple[str, bool]:
    """The text that a reader would be shown first, and whether it was HTML: the first plain part, else the first."""
    found = text_parts(part)
    plain = next((text for text in found if text.subtype.lower() == b"plain"), None)
    chosen = plain or (found[0] if found else None)
    if chosen is None:
        return "", False
    return part_text(content, chosen), chosen.subtype.lower() == b"html"
