"""Where the octets of a FETCH section lie (RFC 9051 §6.4.5.1: HEADER, TEXT, MIME, and part numbers)."""

from pillarbox.grammar.message.part import Part, section


def octets_of(root: Part, numbers: tuple[int, ...], text: str) -> tuple[int, int] | None:
    """Start and end of the section; None when the message has no such part.

    `text` is "" (the part's body, or the whole message), "HEADER", "TEXT" or "MIME". Subsets of the header lie within
    HEADER.
    """
    if not numbers:
        places = {"": (root.start, root.end), "HEADER": (root.start, root.body), "TEXT": (root.body, root.end)}
        return places.get(text)
    part = section(root, numbers)
    if part is None:
        return None
    if text == "":
        return part.body, part.end
    if text == "MIME":
        return part.start, part.body
    if part.inner is None:
        return None
    inner = part.inner
    return (inner.start, inner.body) if text == "HEADER" else (inner.body, inner.end)
