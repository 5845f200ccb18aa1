"""Contents in cards: `data:` URIs and the kinds of images (RFC 9610 §3, RFC 2397)."""

import binascii
import re
from urllib.parse import unquote_to_bytes

from pillarbox.model.errors import SyntaxProblem

_DATA = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
DEFAULT_TYPE = "application/octet-stream"
HEAD_OCTETS = 64
"""Of an image tell what it is."""

_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic"}
_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0", "image/vnd.microsoft.icon"),
)


def image_type(head: bytes) -> str | None:
    """The media type of the image that begins so, or None. No SVG: it is a program as much as an image."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
    return next((name for start, name in _STARTS if head.startswith(start)), None)


def is_data(uri: str) -> bool:
    """Whether the URI is the content itself."""
    return uri[:5].lower() == "data:"


def parse_data(uri: str) -> tuple[str, bytes]:
    """The media type, empty where none is said, and the octets (RFC 2397 §2). Raises: SyntaxProblem."""
    match = _DATA.match(uri)
    if match is None:
        raise SyntaxProblem("a data: URI")
    octets = unquote_to_bytes(uri[match.end() :].encode("ascii", "replace"))
    if not match[2].lower().endswith(";base64"):
        return match[1].lower(), octets
    try:
        return match[1].lower(), binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error:
        raise SyntaxProblem("base64 in a data: URI") from None


def format_data(media_type: str, octets: bytes) -> str:
    """The content as a URI."""
    return f"data:{media_type};base64,{binascii.b2a_base64(octets, newline=False).decode('ascii')}"
