"""Names of mailboxes on the wire: modified UTF-7, the hierarchy, INBOX, and the wildcards of LIST; both ways.

    RFC 3501 §5.1.3: printable ASCII stands for itself but "&", which is "&-"; all else is UTF-16 in base64 with ","
    for "/", between "&" and "-".

The separator is "/". A path is a tuple of names; ("INBOX",) is the inbox in any case (RFC 9051 §5.1).
"""

import binascii
import re

from pillarbox.model.errors import SyntaxProblem

SEPARATOR = "/"
Path = tuple[str, ...]

PATTERN_CHARACTERS = 1_000

_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_WILDCARDS = re.compile(r"[*%]+")
_OUTSIDE = re.compile(r"[^\x20-\x7e]+|&")


def decode_text(octets: bytes) -> str:
    """Text of a name or pattern. UTF-8 is taken too: clients send it. Raises: SyntaxProblem."""
    if not octets.isascii():
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            raise SyntaxProblem("a mailbox name in modified UTF-7 or UTF-8") from None
    if b"&" not in octets:
        return octets.decode("ascii")
    out = []
    place = 0
    for match in _SHIFTED.finditer(octets):
        out.append(_plain(octets[place : match.start()]))
        out.append("&" if not match[1] else _unshift(match[1]))
        place = match.end()
    out.append(_plain(octets[place:]))
    return "".join(out)


def _plain(octets: bytes) -> str:
    if b"&" in octets:
        raise SyntaxProblem("modified UTF-7 after &")
    return octets.decode("ascii")


def _unshift(octets: bytes) -> str:
    bare = octets.replace(b",", b"/")
    try:
        return binascii.a2b_base64(bare + b"=" * (-len(bare) % 4)).decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        raise SyntaxProblem("modified UTF-7 after &") from None


def encode_text(text: str) -> bytes:
    """Modified UTF-7."""
    if text.isascii() and "&" not in text and text.isprintable():
        return text.encode("ascii")
    return _OUTSIDE.sub(_shift, text).encode("ascii")


def _shift(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    octets = match[0].encode("utf-16-be", "surrogatepass")
    return "&" + binascii.b2a_base64(octets, newline=False).decode().rstrip("=").replace("/", ",") + "-"


def parse_path(octets: bytes) -> Path:
    """The path of a name; a separator at its end is dropped, as CREATE asks (RFC 9051 §6.3.4).

    Raises: SyntaxProblem.
    """
    names = decode_text(octets).removesuffix(SEPARATOR).split(SEPARATOR)
    if not all(names) or any(ord(c) < 32 or c == "\x7f" for name in names for c in name):
        raise SyntaxProblem("a mailbox name")
    return canonical(tuple(names))


def canonical(path: Path) -> Path:
    """With INBOX in capitals where it is the first name."""
    return ("INBOX", *path[1:]) if path[0].upper() == "INBOX" else path


def format_path(path: Path) -> bytes:
    """The name on the wire, not quoted."""
    return encode_text(SEPARATOR.join(path))


class Pattern:
    """Names with wildcards: `*` is anything, `%` anything but the separator (RFC 9051 §6.3.9).

    All ways to match are followed at once, each a bit of one integer: bit `n` is set when what has been read of the
    name fits what stands before token `n`. So no pattern takes long, whatever its wildcards.
    """

    __slots__ = ("_end", "_places", "_stars", "_wildcards")

    def __init__(self, reference: bytes, pattern: bytes) -> None:
        """Raises: SyntaxProblem."""
        text = decode_text(reference) + decode_text(pattern)
        if len(text) > PATTERN_CHARACTERS:
            raise SyntaxProblem("a shorter pattern")
        head, separator, rest = text.partition(SEPARATOR)
        if head.upper() == "INBOX":
            text = "INBOX" + separator + rest
        # Wildcards side by side are one, so that after one there is always something else.
        tokens = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", text)
        self._places: dict[str, int] = {}
        for place, token in enumerate(tokens):
            self._places[token] = self._places.get(token, 0) | 1 << place
        self._stars = self._places.pop("*", 0)
        self._wildcards = self._stars | self._places.pop("%", 0)
        self._end = 1 << len(tokens)

    def matches(self, path: Path) -> bool:
        """Whether the whole name of this path fits."""
        wildcards, stars, places = self._wildcards, self._stars, self._places
        reached = 1 | (1 & wildcards) << 1
        for character in SEPARATOR.join(path):
            staying = reached & (stars if character == SEPARATOR else wildcards)
            reached = staying | (reached & places.get(character, 0)) << 1
            reached |= (reached & wildcards) << 1  # a wildcard may stand for nothing
        return bool(reached & self._end)
