"""Which parts of a message a reader is shown as its body, and which as attachments (RFC 8621 §4.1.4).

The parts are numbered as IMAP does (RFC 9051 §6.4.5.1). A message inside is one part here: nobody looks into it. A
multipart that could not be taken apart (no boundary, or one that never comes) is a text, as what has no readable type is
(RFC 2045 §5.2): its reader sees what there is.
"""

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from pillarbox.grammar.message import parameters
from pillarbox.grammar.message.part import Part

_TEXTS_ONLY = ("multipart/alternative", "multipart/mixed")


class BodyPart(msgspec.Struct, frozen=True):
    """A part with what decides where it is shown. `number` is empty for a multipart; `kind` is lower case.

    Whether it is a multipart, `part` does not know: see above.
    """

    number: str
    part: Part
    kind: str
    name: str | None
    disposition: str | None
    children: tuple["BodyPart", ...] = ()

    @property
    def is_text(self) -> bool:
        """Of type `text/*`."""
        return self.kind.startswith("text/")

    @property
    def is_multipart(self) -> bool:
        """Whether it consists of other parts."""
        return bool(self.children)

    def leaves(self) -> Iterator["BodyPart"]:
        """All parts that are no multipart, depth first."""
        if not self.is_multipart:
            yield self
        for child in self.children:
            yield from child.leaves()


class BodyLists(msgspec.Struct, frozen=True):
    """The flat lists: to be shown one after the other, with a preference for plain text or for HTML; and the files."""

    text: tuple[BodyPart, ...]
    html: tuple[BodyPart, ...]
    attachments: tuple[BodyPart, ...]


def body_tree(root: Part) -> BodyPart:
    """The whole structure of a message."""
    return _body_part(root, "" if root.children else "1", "")


def _body_part(part: Part, number: str, prefix: str) -> BodyPart:
    children: tuple[BodyPart, ...] = ()
    if part.children:
        children = tuple(
            _body_part(child, "" if child.children else f"{prefix}{place}", f"{prefix}{place}.")
            for place, child in enumerate(part.children, start=1)
        )
    name = parameters.find(part.disposition_parameters, b"filename") if part.disposition_parameters else None
    if name is None and part.parameters:
        name = parameters.find(part.parameters, b"name")
    disposition = None if part.disposition is None else part.disposition.decode("utf-8", "replace").lower()
    is_opaque = part.is_multipart and not children
    kind = "text/plain" if is_opaque else _kind(part.type, part.subtype)
    return BodyPart(number, part, kind, name, disposition, children)


@lru_cache(maxsize=256)
def _kind(type: bytes, subtype: bytes) -> str:
    return f"{type.decode('utf-8', 'replace')}/{subtype.decode('utf-8', 'replace')}".lower()


def has_attachment(lists: BodyLists) -> bool:
    """Whether a reader should be offered a file: an attachment that does not say `inline`."""
    return any(part.disposition != "inline" for part in lists.attachments)


def has_files(root: Part) -> bool:
    """The same of a whole message. Most need not be taken apart for it: they are one text, or some texts."""
    if root.children:
        is_text = _kind(root.type, root.subtype) in _TEXTS_ONLY and all(map(_is_plain_text, root.children))
    else:
        is_text = _is_plain_text(root)
    return not is_text and has_attachment(body_lists(body_tree(root)))


def _is_plain_text(part: Part) -> bool:
    """A text without a name that does not say where it is to be shown: never a file in a multipart of `_TEXTS_ONLY`."""
    if part.disposition is not None or _kind(part.type, part.subtype) not in ("text/plain", "text/html"):
        return False
    return all(name[:4].lower() != b"name" for name, _ in part.parameters)


def body_lists(tree: BodyPart) -> BodyLists:
    """The algorithm of RFC 8621 §4.1.4.

    Where it gives an image to one list, and to the other only afterwards, the image is no attachment: that is said of
    one that is not in both.
    """
    text: list[BodyPart] = []
    html: list[BodyPart] = []
    attachments: list[BodyPart] = []
    _sort_out((tree,), "mixed", False, text, html, attachments)
    in_both = {part.number for part in text} & {part.number for part in html}
    files = tuple(part for part in attachments if part.number not in in_both)
    return BodyLists(tuple(text), tuple(html), files)


def _sort_out(
    parts: tuple[BodyPart, ...],
    around: str,
    in_alternative: bool,
    text: list[BodyPart] | None,
    html: list[BodyPart] | None,
    attachments: list[BodyPart],
) -> None:
    """One multipart of subtype `around`. A list that is None belongs to another alternative, and takes nothing.

    What no list takes is an attachment: nothing may be hidden from the reader.
    """
    text_before, html_before = len(text or ()), len(html or ())
    for place, part in enumerate(parts):
        if part.is_multipart:
            inner = part.kind.partition("/")[2]
            _sort_out(part.children, inner, in_alternative or inner == "alternative", text, html, attachments)
        elif not _is_body(part, place, around):
            attachments.append(part)
        elif around == "alternative":
            chosen = {"text/plain": text, "text/html": html}.get(part.kind)
            (attachments if chosen is None else chosen).append(part)
        else:
            if in_alternative and part.kind == "text/plain":
                html = None
            if in_alternative and part.kind == "text/html":
                text = None
            takers = [shown for shown in (text, html) if shown is not None]
            for shown in takers:
                shown.append(part)
            if not takers or (len(takers) == 1 and _is_media(part.kind)):
                attachments.append(part)
    if around == "alternative" and text is not None and html is not None:
        _fill_in(text, text_before, html, html_before)


def _is_media(kind: str) -> bool:
    return kind.startswith(("image/", "audio/", "video/"))


def _is_body(part: BodyPart, place: int, around: str) -> bool:
    """Only the first part of a multipart/related is the body; a text with a file name that comes later is a file."""
    if part.disposition == "attachment" or not (part.kind in ("text/plain", "text/html") or _is_media(part.kind)):
        return False
    return place == 0 or (around != "related" and (_is_media(part.kind) or not part.name))


def _fill_in(text: list[BodyPart], text_before: int, html: list[BodyPart], html_before: int) -> None:
    """Where one kind alone was among the alternatives, it stands for the other too."""
    if len(text) == text_before:
        text.extend(html[html_before:])
    elif len(html) == html_before:
        html.extend(text[text_before:])
