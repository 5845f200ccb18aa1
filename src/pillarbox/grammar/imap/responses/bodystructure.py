"""BODY and BODYSTRUCTURE (RFC 3501 §7.4.2, RFC 9051 §7.5.2).

A part: type, subtype, parameters, id, description, encoding, octets; envelope, structure and lines for a message
inside; lines for text. BODYSTRUCTURE adds MD5, disposition, language, location.
"""

from pillarbox.grammar.imap.atoms import nquote, quote
from pillarbox.grammar.imap.responses.envelope import format_envelope
from pillarbox.grammar.message.header import Content
from pillarbox.grammar.message.parameters import Parameters
from pillarbox.grammar.message.part import Part


def format_parameters(parameters: Parameters) -> bytes:
    """`("charset" "utf-8")`, or NIL."""
    if not parameters:
        return b"NIL"
    return b"(%b)" % b" ".join(b"%b %b" % (quote(name), quote(value)) for name, value in parameters)


def format_bodystructure(content: Content, part: Part, *, extended: bool = True) -> bytes:
    """BODYSTRUCTURE, or BODY when not `extended`."""
    if part.is_multipart:
        return _multipart(content, part, extended)
    is_message = part.type.lower() == b"message" and part.subtype.lower() == b"rfc822"
    out = [
        b'"message" "rfc822"' if is_message else quote(part.type) + b" " + quote(part.subtype),
        format_parameters(_with_charset(part)),
        nquote(part.id),
        nquote(part.description),
        quote(part.encoding or b"7bit"),
        b"%d" % part.size_octets,
    ]
    if part.inner is not None:
        out.append(format_envelope(content, part.inner))
        out.append(format_bodystructure(content, part.inner, extended=extended))
        out.append(b"%d" % part.lines)
    elif is_message:
        # Too deep to be looked into: the grammar asks for an envelope and a body all the same.
        out += [b"(%b)" % b" ".join([b"NIL"] * 10), _empty_text(extended), b"%d" % part.lines]
    elif part.is_text:
        out.append(b"%d" % part.lines)
    if extended:
        out.append(nquote(part.md5))
        out.append(_common(part))
    return b"(%b)" % b" ".join(out)


def _with_charset(part: Part) -> Parameters:
    """A text without a charset is US-ASCII, and that is said (RFC 2045 §5.2)."""
    if part.is_text and not any(name.lower() == b"charset" for name, _ in part.parameters):
        return (*part.parameters, (b"charset", b"us-ascii"))
    return part.parameters


def _multipart(content: Content, part: Part, extended: bool) -> bytes:
    if part.children:
        inside = b"".join(format_bodystructure(content, child, extended=extended) for child in part.children)
    else:
        # A multipart without parts has no form in the grammar: an empty text part stands for it.
        inside = _empty_text(extended)
    out = inside + b" " + quote(part.subtype)
    if extended:
        out += b" %b %b" % (format_parameters(part.parameters), _common(part))
    return b"(%b)" % out


def _empty_text(extended: bool) -> bytes:
    return b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0%b)' % (b" NIL NIL NIL NIL" * extended)


def _common(part: Part) -> bytes:
    """Disposition, language, location."""
    disposition = b"NIL"
    if part.disposition is not None:
        disposition = b"(%b %b)" % (quote(part.disposition), format_parameters(part.disposition_parameters))
    return b"%b %b %b" % (disposition, _language(part.language), nquote(part.location))


def _language(value: bytes | None) -> bytes:
    if value is None:
        return b"NIL"
    tags = [tag.strip() for tag in value.split(b",") if tag.strip()]
    return b"(%b)" % b" ".join(quote(tag) for tag in tags) if tags else b"NIL"
