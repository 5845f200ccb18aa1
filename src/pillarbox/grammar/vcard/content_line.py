"""Content lines: name, parameters and value, folded and escaped (RFC 6350 §3.2 to §3.4, RFC 6868); both ways.

    contentline = [group "."] name *(";" param) ":" value CRLF

A file holds any number of cards. What stands between them is nothing; a line that is none spoils its card alone.
"""

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pillarbox.model.errors import SyntaxProblem

MOST_LINES = 10_000
"""Of one card."""
FOLD_OCTETS = 75

_TOKEN = r"[A-Za-z0-9_-]+"
_VALUE = r'(?:"[^"]*"|[^";:,]*)'
_LINE = re.compile(
    rf"(?:({_TOKEN})\.)?({_TOKEN})((?:;{_TOKEN}(?:={_VALUE}(?:,{_VALUE})*)?)*):(.*)", re.DOTALL | re.ASCII
)
_PARAMETER = re.compile(rf";({_TOKEN})(?:=({_VALUE}(?:,{_VALUE})*))?", re.ASCII)
_PARAMETER_VALUE = re.compile(_VALUE)
_CARET = re.compile(r"\^(.)", re.DOTALL)
_CARETS = {"n": "\n", "'": '"', "^": "^"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ENDS = re.compile(r"\r\n|\r|\n")
_SPECIAL = re.compile(r"[\\;,]")
_QUOTED_PRINTABLE = re.compile(r"QUOTED-PRINTABLE[^:]*:", re.IGNORECASE)


class Line(msgspec.Struct, frozen=True):
    """Names in capitals; the value as it is written, but for quoted-printable, which is undone (version 2.1)."""

    name: str
    value: str = ""
    parameters: Mapping[str, Sequence[str]] = {}
    group: str = ""

    def parameter(self, name: str) -> str:
        """Its first value; empty where there is none."""
        return next(iter(self.parameters.get(name, ())), "")

    @property
    def types(self) -> list[str]:
        """All that TYPE says, in lower case."""
        return [kind for text in self.parameters.get("TYPE", ()) for kind in text.lower().split(",") if kind]


def decode(octets: bytes) -> str:
    """UTF-8, as it must be (RFC 6350 §3.1); what is not, is taken for Latin-1."""
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def read_cards(text: str) -> Iterator[list[Line] | SyntaxProblem]:
    """The lines of each card, or what is wrong with it."""
    inside: list[str] | None = None
    depth = 0
    for line in _unfolded(text):
        word = line.strip().upper()
        if word == "BEGIN:VCARD":
            depth += 1
            inside = [] if inside is None else inside
        elif word == "END:VCARD" and inside is not None:
            depth -= 1
            if not depth:
                yield _parse_all(inside)
                inside = None
        elif inside is not None and depth == 1:  # a card inside another, as in version 2.1, is left out
            inside.append(line)
    if inside is not None:
        yield SyntaxProblem("END:VCARD")


def _unfolded(text: str) -> Iterator[str]:
    """RFC 6350 §3.2; in version 2.1 a line of quoted-printable that ends with `=` goes on too."""
    pieces: list[str] = []
    for line in _ENDS.split(text):
        if pieces and line[:1] in (" ", "\t"):
            pieces.append(line[1:])
        elif pieces and pieces[-1].endswith("=") and _QUOTED_PRINTABLE.search(pieces[0]):
            pieces[-1] = pieces[-1][:-1]
            pieces.append(line)
        else:
            yield "".join(pieces)
            pieces = [line]
    yield "".join(pieces)


def _parse_all(lines: Sequence[str]) -> list[Line] | SyntaxProblem:
    if len(lines) > MOST_LINES:
        return SyntaxProblem(f"at most {MOST_LINES} lines in a card")
    try:
        return [parse(line) for line in lines if line.strip()]
    except SyntaxProblem as problem:
        return problem


def parse(text: str) -> Line:
    """One unfolded line. Raises: SyntaxProblem."""
    match = _LINE.fullmatch(text)
    if match is None:
        raise SyntaxProblem("a content line")
    parameters: dict[str, list[str]] = {}
    for said in _PARAMETER.finditer(match[3]):
        if said[2] is None:  # in version 2.1 a type or an encoding stands alone
            parameters.setdefault("TYPE", []).append(said[1])
        elif found := [_parameter_value(value) for value in _PARAMETER_VALUE.findall(said[2]) if value]:
            parameters.setdefault(said[1].upper(), []).extend(found)
    value = match[4]
    if _is_quoted_printable(parameters):
        value = _unquoted(value, next(iter(parameters.get("CHARSET", ())), "utf-8"))
    return Line(match[2].upper(), value, parameters, match[1] or "")


def _parameter_value(text: str) -> str:
    plain = text[1:-1] if text.startswith('"') else text
    return _CARET.sub(lambda match: _CARETS.get(match[1], match[0]), plain)


def _is_quoted_printable(parameters: Mapping[str, Sequence[str]]) -> bool:
    said = (*parameters.get("ENCODING", ()), *parameters.get("TYPE", ()))
    return any(text.upper() == "QUOTED-PRINTABLE" for text in said)


def _unquoted(text: str, charset: str) -> str:
    octets = binascii.a2b_qp(text.encode("utf-8"))
    try:
        return octets.decode(charset)
    except (LookupError, ValueError):
        return decode(octets)


def split(value: str, separator: str) -> list[str]:
    """The parts of a compound value, still escaped (RFC 6350 §3.4)."""
    parts, start, place = [], 0, 0
    while place < len(value):
        if value[place] == "\\":
            place += 1
        elif value[place] == separator:
            parts.append(value[start:place])
            start = place + 1
        place += 1
    return [*parts, value[start:]]


def unescape(text: str) -> str:
    """RFC 6350 §3.4."""
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], text)


def components(value: str) -> list[list[str]]:
    """Of a structured value: its components, each a list of texts."""
    return [[unescape(text) for text in split(part, ",") if text] for part in split(value, ";")]


def escape(text: str) -> str:
    """RFC 6350 §3.4."""
    return _ENDS.sub(r"\\n", _SPECIAL.sub(r"\\\g<0>", text))


def format_line(line: Line) -> str:
    """The line, folded, with its end. What a value or a name may not hold is left out."""
    said = "".join(
        f";{name}={','.join(_quoted(value) for value in values)}" for name, values in line.parameters.items() if values
    )
    group = f"{line.group}." if line.group else ""
    value = "".join(_ENDS.split(line.value))
    return fold(f"{group}{line.name}{said}:{value}") + "\r\n"


def _quoted(value: str) -> str:
    """Always in quotes where anything could be meant by it (RFC 6350 §3.3, RFC 6868 §3.1)."""
    text = _ENDS.sub("^n", value.replace("^", "^^")).replace('"', "^'")
    return f'"{text}"' if re.fullmatch(r"[A-Za-z0-9._/+-]+", text) is None else text


def fold(text: str) -> str:
    """Lines of at most 75 octets, no character in two (RFC 6350 §3.2)."""
    octets = text.encode("utf-8", "replace")
    if len(octets) <= FOLD_OCTETS:
        return octets.decode("utf-8")
    lines, start, room = [], 0, FOLD_OCTETS
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        lines.append(octets[start:end])
        start, room = end, FOLD_OCTETS - 1
    return b"\r\n ".join([*lines, octets[start:]]).decode("utf-8")
