"""The commands of SMTP, parsed by the server and formatted by the client from one definition (RFC 5321 §4.1.1)."""

import re
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from pillarbox.grammar.smtp.parameters import (
    MailParameters,
    RcptParameters,
    format_mail,
    format_rcpt,
    parse_mail,
    parse_rcpt,
)
from pillarbox.grammar.smtp.path import format_path, parse_path
from pillarbox.model.address import Address
from pillarbox.model.errors import SyntaxProblem


class UnknownCommand(SyntaxProblem):
    """The verb is none of SMTP's (500, RFC 5321 §4.2.4)."""


class Helo(msgspec.Struct, frozen=True):
    """HELO (RFC 5321 §4.1.1.1)."""

    domain: str


class Ehlo(msgspec.Struct, frozen=True):
    """EHLO (RFC 5321 §4.1.1.1); `domain` may be an address literal."""

    domain: str


class Mail(msgspec.Struct, frozen=True):
    """MAIL FROM (RFC 5321 §4.1.1.2); None is the null reverse-path."""

    reverse_path: Address | None
    parameters: MailParameters = MailParameters()


class Rcpt(msgspec.Struct, frozen=True):
    """RCPT TO (RFC 5321 §4.1.1.3). `<postmaster>` alone has the domain "" (RFC 5321 §4.5.1)."""

    forward_path: Address
    parameters: RcptParameters = RcptParameters()


class Data(msgspec.Struct, frozen=True):
    """DATA (RFC 5321 §4.1.1.4)."""


class Rset(msgspec.Struct, frozen=True):
    """RSET (RFC 5321 §4.1.1.5)."""


class Vrfy(msgspec.Struct, frozen=True):
    """VRFY (RFC 5321 §4.1.1.6)."""

    text: str


class Expn(msgspec.Struct, frozen=True):
    """EXPN (RFC 5321 §4.1.1.7)."""

    text: str


class Help(msgspec.Struct, frozen=True):
    """HELP (RFC 5321 §4.1.1.8)."""

    topic: str = ""


class Noop(msgspec.Struct, frozen=True):
    """NOOP (RFC 5321 §4.1.1.9)."""

    text: str = ""


class Quit(msgspec.Struct, frozen=True):
    """QUIT (RFC 5321 §4.1.1.10)."""


class StartTls(msgspec.Struct, frozen=True):
    """STARTTLS (RFC 3207 §4)."""


class Auth(msgspec.Struct, frozen=True):
    """AUTH (RFC 4954 §4); `initial` is base64 text, "=" for an empty response, None when there is none."""

    mechanism: str
    initial: str | None = None


class Bdat(msgspec.Struct, frozen=True):
    """BDAT (RFC 3030 §2)."""

    size_octets: int
    is_last: bool


Command: TypeAlias = Helo | Ehlo | Mail | Rcpt | Data | Rset | Vrfy | Expn | Help | Noop | Quit | StartTls | Auth | Bdat

_FROM = re.compile(r"FROM:[ ]?", re.IGNORECASE)
_TO = re.compile(r"TO:[ ]?", re.IGNORECASE)
_MECHANISM = re.compile(r"([A-Za-z0-9_-]{1,20})(?: +([A-Za-z0-9+/]+={0,2}|=))?")
_NAME = re.compile(r"[^\x00-\x20\x7f]{1,255}")
"""RFC 5321 §4.5.3.1.2."""
POSTMASTER = "postmaster"


def _argument(text: str, what: str) -> str:
    if not text:
        raise SyntaxProblem(what)
    return text


def _nothing(make: Callable[[], Command]) -> Callable[[str], Command]:
    def parse(text: str) -> Command:
        if text:
            raise SyntaxProblem("no argument")
        return make()

    return parse


def _hello(make: Callable[[str], Command]) -> Callable[[str], Command]:
    def parse(text: str) -> Command:
        if not _NAME.fullmatch(text):
            raise SyntaxProblem("a domain or an address literal")
        return make(text)

    return parse


def _mail(text: str) -> Command:
    match = _FROM.match(text)
    if match is None:
        raise SyntaxProblem("FROM:<reverse-path>")
    path, end = parse_path(text, match.end())
    return Mail(path, parse_mail(_after_path(text, end)))


def _rcpt(text: str) -> Command:
    match = _TO.match(text)
    if match is None:
        raise SyntaxProblem("TO:<forward-path>")
    rest = text[match.end() :]
    if rest[: len(POSTMASTER) + 2].lower() == f"<{POSTMASTER}>":
        return Rcpt(Address(POSTMASTER, ""), parse_rcpt(_after_path(rest, len(POSTMASTER) + 2)))
    path, end = parse_path(text, match.end())
    if path is None:
        raise SyntaxProblem("a forward-path")
    return Rcpt(path, parse_rcpt(_after_path(text, end)))


def _after_path(text: str, end: int) -> str:
    if end < len(text) and text[end] != " ":
        raise SyntaxProblem("a space after the path", end)
    return text[end:]


def _auth(text: str) -> Command:
    match = _MECHANISM.fullmatch(text)
    if match is None:
        raise SyntaxProblem("AUTH mechanism [initial-response]")
    return Auth(match[1].upper(), match[2])


def _bdat(text: str) -> Command:
    match = re.fullmatch(r"(\d{1,15})( +LAST)?", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise SyntaxProblem("BDAT octets [LAST]")
    return Bdat(int(match[1]), match[2] is not None)


PARSERS: dict[str, Callable[[str], Command]] = {
    "HELO": _hello(Helo),
    "EHLO": _hello(Ehlo),
    "MAIL": _mail,
    "RCPT": _rcpt,
    "DATA": _nothing(Data),
    "RSET": _nothing(Rset),
    "VRFY": lambda text: Vrfy(_argument(text, "a user")),
    "EXPN": lambda text: Expn(_argument(text, "a list")),
    "HELP": Help,
    "NOOP": Noop,
    "QUIT": _nothing(Quit),
    "STARTTLS": _nothing(StartTls),
    "AUTH": _auth,
    "BDAT": _bdat,
}


def parse(line: bytes) -> Command:
    """A command line without CRLF. Raises: SyntaxProblem; UnknownCommand when the verb is none of ours."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise SyntaxProblem("UTF-8", problem.start) from None
    verb, _, argument = text.partition(" ")
    parser = PARSERS.get(verb.upper()) if verb.isascii() else None  # some letters beyond ASCII have capitals in it
    if parser is None:
        raise UnknownCommand("a command")
    if "\r" in text or "\n" in text or "\0" in text:
        raise SyntaxProblem("no control characters")
    return parser(argument.strip(" "))


def format(command: Command) -> bytes:
    """The line with CRLF."""
    match command:
        case Mail(path, parameters):
            text = f"MAIL FROM:{format_path(path)}{format_mail(parameters)}"
        case Rcpt(path, parameters):
            name = f"<{POSTMASTER}>" if not path.domain else format_path(path)
            text = f"RCPT TO:{name}{format_rcpt(parameters)}"
        case Auth(mechanism, initial):
            text = f"AUTH {mechanism}" + ("" if initial is None else f" {initial}")
        case Bdat(size, is_last):
            text = f"BDAT {size}{' LAST' if is_last else ''}"
        case Helo(word) | Ehlo(word) | Vrfy(word) | Expn(word) | Help(word) | Noop(word):
            text = f"{verb_of(command)} {word}".rstrip(" ")
        case _:
            text = verb_of(command)
    return text.encode() + b"\r\n"


def verb_of(command: Command) -> str:
    """`MAIL`, `RCPT` …"""
    return type(command).__name__.upper()
