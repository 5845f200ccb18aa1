"""Pictures that a message shows from elsewhere: their URLs, and what their octets are.

A type is what the octets begin with, never what anybody says of them. Only what is a picture and nothing else is known
here: SVG is a document that can do things, and is not.
"""

import re
from urllib.parse import quote

from pillarbox.model.errors import Invalid, SyntaxProblem
from pillarbox.model.url import HttpsUrl, parse_https

_KEPT = "%/:?[]@!$&'()*+,;=~"
"""What `quote` leaves as it is, beside letters, digits and `_.-`."""
_CLEAR = re.compile(r"http://", re.IGNORECASE)
_CLEAR_PORT = re.compile(r"(https://[^/?]*):80(?=[/?]|$)", re.IGNORECASE)
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_BRANDS_OCTETS = 256
_AVIF = (b"avif", b"avis")

TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif")


def picture_url(text: str) -> HttpsUrl:
    """The URL of a picture as a page has it: blanks and letters beyond ASCII are let pass in it, its fragment is left
    out, and what is said to lie behind http is looked for behind https. Raises: SyntaxProblem."""
    whole = quote(text.strip().partition("#")[0], safe=_KEPT)
    found = _CLEAR.match(whole)
    if found is not None:
        whole = _CLEAR_PORT.sub(r"\1", f"https://{whole[found.end() :]}", count=1)
    try:
        return parse_https(whole)
    except Invalid as problem:
        raise SyntaxProblem(problem.text) from None


def picture_type(octets: bytes) -> str | None:
    """One of `TYPES`, or None: no picture."""
    for beginning, kind in _BEGINNINGS:
        if octets.startswith(beginning):
            return kind
    if octets[:4] == b"RIFF" and octets[8:12] == b"WEBP":
        return "image/webp"
    if octets[4:8] == b"ftyp":
        end = min(int.from_bytes(octets[:4]), _BRANDS_OCTETS)
        brands = (octets[8:12], *(octets[place : place + 4] for place in range(16, end, 4)))
        return "image/avif" if any(brand in _AVIF for brand in brands) else None
    return None
