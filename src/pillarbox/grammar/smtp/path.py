"""Paths and mailboxes of the envelope (RFC 5321 §4.1.2, RFC 6531 §3.3); both ways.

    Path = "<" [ A-d-l ":" ] Mailbox ">"        Mailbox = Local-part "@" ( Domain / address-literal )
    Local-part = Dot-string / Quoted-string

Source routes are read and dropped (RFC 5321 §4.1.1.3). UTF-8 is read everywhere: whether it was allowed is for the
caller to ask (`Address.is_ascii`).
"""

import ipaddress
import re

from pillarbox.model.address import Address, domain_key
from pillarbox.model.errors import SyntaxProblem

LOCAL_OCTETS = 64
"""RFC 5321 §4.5.3.1.1; longer ones are taken up to the length of a path, as others send them."""
PATH_OCTETS = 1_000

_ATEXT = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010FFFF]"
_MAILBOX = re.compile(
    r"(?:("
    + _ATEXT
    + r"+(?:\."
    + _ATEXT
    + r'+)*)|"((?:[\x20-\x21\x23-\x5b\x5d-\x7e\u0080-\U0010FFFF]|\\[\x20-\x7e])*)")'
    r"@(?:([A-Za-z0-9\u0080-\U0010FFFF](?:[A-Za-z0-9._\-\u0080-\U0010FFFF]*))|\[([^\[\]\\\s]+)\])"
)
_ROUTE = re.compile(r"@[^:<>\s]+:")
_ESCAPE = re.compile(r"\\(.)")
_DOT_STRING = re.compile(_ATEXT + r"+(?:\." + _ATEXT + r"+)*")


def parse_address(text: str) -> Address:
    """`local@domain`. Raises: SyntaxProblem."""
    match = _MAILBOX.fullmatch(text)
    if match is None or len(text.encode("utf-8", "replace")) > PATH_OCTETS:
        raise SyntaxProblem("mailbox")
    local = match[1] if match[1] is not None else _ESCAPE.sub(r"\1", match[2])
    if not local:
        raise SyntaxProblem("local part")
    if match[4] is not None:
        return Address(local, _literal(match[4]))
    try:
        return Address(local, domain_key(match[3]))
    except (ValueError, UnicodeError):
        raise SyntaxProblem("domain", text.rfind("@") + 1) from None


def _literal(text: str) -> str:
    """An address literal in its one form (RFC 5321 §4.1.3). Raises: SyntaxProblem."""
    try:
        if text.lower().startswith("ipv6:"):
            return f"[IPv6:{ipaddress.IPv6Address(text[5:])}]"
        return f"[{ipaddress.IPv4Address(text)}]"
    except ValueError:
        raise SyntaxProblem("address literal") from None


def parse_path(text: str, offset: int = 0) -> tuple[Address | None, int]:
    """The path that starts at `offset`, and where it ends; None is the null path `<>`. Raises: SyntaxProblem.

    A path without angle brackets is taken too: old clients send it (RFC 5321 §4.1.1.3 forbids it to clients).
    """
    if text[offset : offset + 1] != "<":
        end = text.find(" ", offset)
        end = len(text) if end < 0 else end
        return parse_address(text[offset:end]), end
    end = _path_end(text, offset)
    inside = text[offset + 1 : end - 1].strip(" ")
    if not inside:
        return None, end
    route = _ROUTE.match(inside)
    return parse_address(inside[route.end() :] if route else inside), end


def _path_end(text: str, offset: int) -> int:
    quoted = False
    place = offset + 1
    while place < len(text):
        character = text[place]
        if character == "\\" and quoted:
            place += 1
        elif character == '"':
            quoted = not quoted
        elif character == ">" and not quoted:
            return place + 1
        place += 1
    raise SyntaxProblem("a path in angle brackets", offset)


def format_address(address: Address) -> str:
    """The mailbox as it goes on the wire, quoted where it must be."""
    if _DOT_STRING.fullmatch(address.local):
        return f"{address.local}@{address.domain}"
    quoted = address.local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"@{address.domain}'


def format_path(address: Address | None) -> str:
    """`<local@domain>`, or `<>`."""
    return "<>" if address is None else f"<{format_address(address)}>"
