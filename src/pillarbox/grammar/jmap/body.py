"""Body parts and their text as JSON: EmailBodyPart, EmailBodyValue, preview (RFC 8621 §4.1.4)."""

import html
import re
from collections.abc import Iterable

import msgspec

from pillarbox.grammar.jmap.headers import HeaderFields, HeaderProperty, parse_property
from pillarbox.grammar.jmap.ids import part_of
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.message import parameters, transfer
from pillarbox.grammar.message.body import BodyLists, BodyPart
from pillarbox.grammar.message.charset import codec_name, decode
from pillarbox.grammar.message.header import Content, without_comments
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.text import shown_html
from pillarbox.model.errors import SyntaxProblem

DEFAULT_PROPERTIES = (
    "partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language", "location",
)  # fmt: skip
PROPERTIES = frozenset((*DEFAULT_PROPERTIES, "subParts", "headers"))
PREVIEW_CHARACTERS = 256

_IDENTITIES = frozenset((b"", b"7bit", b"8bit", b"binary"))
_ANGLES = re.compile(rb"<([^<>]*)>")
_ASCII_NAMES = frozenset(("us-ascii", "ascii"))
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- ?$.*", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"""<[A-Za-z/!?](?:[^<>"']|"[^"]*"|'[^']*')*+>""")
"""With the values of its attributes, which may have angle brackets in them."""
_TAG_MOST = 20_000
"""Characters of a tag that is looked for; a longer one is cut like text."""
_PREVIEW_STEPS = (1_024, 16_384, 524_288)
"""Octets that are read for a preview: few mostly do, more where a style sheet comes first."""
_PREVIEW_PARTS = 3
_BLANK = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200f\u034f\u2060\ufeff\u00ad]+")
"""What a preview shows as a space: senders pad with characters that nobody sees."""
_GRAPHEME_JOINER = "\u034f"
"""Of those the one that Python holds for printable."""


class PartProperties(msgspec.Struct, frozen=True):
    """Which properties of an EmailBodyPart are wanted: plain ones, and header fields by the name that was asked for."""

    plain: tuple[str, ...] = DEFAULT_PROPERTIES
    headers: tuple[tuple[str, HeaderProperty], ...] = ()


def parse_part_properties(names: Iterable[str]) -> PartProperties:
    """Raises: SyntaxProblem for one that does not exist, or a form that a field may not have."""
    plain: dict[str, None] = {}
    headers: dict[str, HeaderProperty] = {}
    for name in names:
        if name in PROPERTIES:
            plain[name] = None
        elif name.startswith("header:"):
            headers[name] = parse_property(name)
        else:
            raise SyntaxProblem("a property of EmailBodyPart")
    return PartProperties(tuple(plain), tuple(headers.items()))


class PartWriter:
    """Makes EmailBodyParts of one message; `blob_id` names the message."""

    def __init__(self, content: Content, blob_id: str, wanted: PartProperties) -> None:
        self._content = content
        self._blob_id = blob_id
        self._wanted = wanted

    def write(self, part: BodyPart, *, with_children: bool = False) -> JsonObject:
        """The object; `subParts` are there where they are wanted, and only in a body structure."""
        made = {name: self._property(part, name, with_children) for name in self._wanted.plain}
        if self._wanted.headers:
            header = self._header(part)
            made.update((text, header.read(one)) for text, one in self._wanted.headers)
        if with_children and part.is_multipart:
            made["subParts"] = self._children(part)
        return made

    def _children(self, part: BodyPart) -> list[JsonObject]:
        return [self.write(child, with_children=True) for child in part.children]

    def _header(self, part: BodyPart) -> HeaderFields:
        return HeaderFields(self._content, part.part.start, part.part.body)

    def _property(self, part: BodyPart, name: str, with_children: bool) -> object:
        match name:
            case "partId":
                return part.number or None
            case "blobId":
                return part_of(self._blob_id, part.number) if part.number else None
            case "size":
                return self._size(part.part)
            case "name":
                return part.name
            case "type":
                return part.kind
            case "charset":
                return charset_of(part)
            case "disposition":
                return part.disposition
            case "cid":
                return _cid(part.part.id)
            case "language":
                return _language(part.part.language)
            case "location":
                return _location(part.part.location)
            case "headers":
                return self._header(part).all()
            case _:
                return None

    def _size(self, part: Part) -> int:
        """Of the decoded content (RFC 8621 §4.1.4); content that is not encoded need not be looked at."""
        if part.children or part.encoding.lower() in _IDENTITIES:
            return part.size_octets
        return transfer.decoded_size(self._content[part.body : part.end], part.encoding)


def charset_of(part: BodyPart) -> str | None:
    """As written; what text is in without a word about it; null for the rest."""
    written = parameters.find(part.part.parameters, b"charset") if part.part.parameters else None
    return written if written is not None or not part.is_text else "us-ascii"


def _cid(value: bytes | None) -> str | None:
    if value is None:
        return None
    bare = without_comments(value).strip()
    match = _ANGLES.search(bare)
    return (match[1] if match else bare).strip().decode("utf-8", "replace")


def _language(value: bytes | None) -> list[str] | None:
    if value is None:
        return None
    tags = (tag.strip().decode("utf-8", "replace") for tag in without_comments(value).split(b","))
    return [tag for tag in tags if tag]


def _location(value: bytes | None) -> str | None:
    """A URI; white space in it comes from folding."""
    return None if value is None else b"".join(value.split()).decode("utf-8", "replace")


def body_value(content: Content, part: BodyPart, *, most_octets: int = 0) -> JsonObject:
    """An EmailBodyValue of a text part, of at most so many octets of UTF-8; 0 is no bound."""
    encoding = part.part.encoding
    octets = transfer.decode(content[part.part.body : part.part.end], encoding)
    charset = charset_of(part) or ""
    text = decode(octets, charset).replace("\r\n", "\n")
    shown = truncated(text, most_octets, is_html=part.kind == "text/html")
    is_problem = not transfer.is_known(encoding) or _is_malformed(octets, charset, text)
    return {"value": shown, "isEncodingProblem": is_problem, "isTruncated": len(shown) < len(text)}


def _is_malformed(octets: bytes, charset: str, text: str) -> bool:
    """Whether the charset does not explain the octets; the text may have been read all the same, by trying others."""
    codec = codec_name(charset)
    if codec is None:
        return True
    if charset.strip().lower() in _ASCII_NAMES:
        return not octets.isascii()
    if _REPLACEMENT not in text:
        return False
    try:
        octets.decode(codec)
    except UnicodeError:
        return True
    return False


def truncated(text: str, most_octets: int, *, is_html: bool) -> str:
    """The text, or its beginning; never half a character, and of HTML no half tag (RFC 8621 §4.2)."""
    if most_octets <= 0 or len(text) * 4 <= most_octets:
        return text
    octets = text.encode("utf-8")
    if len(octets) <= most_octets:
        return text
    kept = octets[:most_octets].decode("utf-8", "ignore")
    return kept[: _outside_tags(text, len(kept))] if is_html else kept


def _outside_tags(text: str, end: int) -> int:
    """`end`, or where the tag begins that stands around it."""
    for tag in _TAG.finditer(text, 0, end + _TAG_MOST):
        if tag.end() > end:
            return min(tag.start(), end)
    return end


def preview(content: Content, lists: BodyLists) -> str | None:
    """The beginning of what the sender wrote, on one line: without quoted lines and signature where more is left.

    An empty plain text, which some programs send along, gives way to the HTML. `content` may be the beginning of a
    message alone; None where that is not enough.
    """
    candidates = [part for part in (*lists.text, *lists.html) if part.is_text]
    for part in candidates[:_PREVIEW_PARTS]:
        shown = ""
        for step in _PREVIEW_STEPS:
            if min(part.part.end, part.part.body + step) > len(content):
                return None
            shown = _preview(content, part, step)
            if len(shown) >= PREVIEW_CHARACTERS or part.part.size_octets <= step:
                break
        if shown:
            return shown[:PREVIEW_CHARACTERS].rstrip()
    return ""


def _preview(content: Content, part: BodyPart, step: int) -> str:
    end = min(part.part.end, part.part.body + step)
    octets = transfer.decode(content[part.part.body : end], part.part.encoding)
    is_cut = end < part.part.end
    if is_cut:  # half a character at the end would change how the charset is guessed
        blank = max(octets.rfind(b" "), octets.rfind(b"\n"))
        if blank < 0 and step == _PREVIEW_STEPS[0]:
            return ""
        octets = octets[: blank + 1] or octets
    text = decode(octets, charset_of(part) or "")
    if part.kind == "text/html":
        if is_cut and text.rfind("<") > text.rfind(">"):
            text = text[: text.rfind("<")]  # half a tag is no text
        return _one_line(html.unescape(shown_html(text)))  # entities that only readers need, as the many blanks
    if ">" not in text and "--" not in text:
        return _one_line(text)
    own = _one_line(_SIGNATURE.sub("", _QUOTED_LINE.sub("", text.replace("\r\n", "\n"))))
    return own or _one_line(text)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if line.isprintable() and _GRAPHEME_JOINER not in line else _BLANK.sub(" ", line).strip()
