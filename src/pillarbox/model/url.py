"""`https://host:port/target`, as somebody wrote it and we may be asked to fetch it (RFC 3986 §3.2).

Read strictly, so that no two readers can see two hosts in it: no user, no fragment, no backslash, no number that looks
like an address in another form. What a name leads to is decided when it is fetched.
"""

import ipaddress
import re

import msgspec

from pillarbox.model.address import domain_key
from pillarbox.model.errors import Invalid

LONGEST = 2_048
_URL = re.compile(
    r"https://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?((?:[/?][!$-;=?-Z_a-z~\[\]]*)?)", re.A | re.I
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class HttpsUrl(msgspec.Struct, frozen=True):
    """`host` is a lower-case name, or an address without brackets; `target` begins with a slash."""

    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As a Host field has it (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"

    @property
    def is_literal(self) -> bool:
        """Whether the host is an address."""
        return ":" in self.host or _NUMBER.fullmatch(self.host.rpartition(".")[2]) is not None

    def __str__(self) -> str:
        return f"https://{self.authority}{self.target}"


def parse_https(text: str) -> HttpsUrl:
    """The URL. Raises: Invalid."""
    match = _URL.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise Invalid("an absolute URL that begins with https:// is needed")
    port = int(match[2] or 443)
    if not 0 < port < 65_536:
        raise Invalid("the URL's port is none")
    target = match[3]
    return HttpsUrl(_host(match[1]), port, target if target.startswith("/") else f"/{target}")


def _host(text: str) -> str:
    """Raises: Invalid."""
    try:
        if text.startswith("["):
            return str(ipaddress.IPv6Address(text[1:-1]))
        name = domain_key(text)
        if _NUMBER.fullmatch(name.rpartition(".")[2]) is not None:
            return str(ipaddress.IPv4Address(name))  # 127.1 and 0x7f.1 are addresses to others, not to us
    except ValueError:
        raise Invalid("the URL's host is none") from None
    return name
