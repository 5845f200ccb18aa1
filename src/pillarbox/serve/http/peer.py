"""Who is at the other end of a request, and whether others can read along.

Only what the socket says counts: fields such as X-Forwarded-For are anybody's to write.
"""

import ipaddress

from starlette.types import Scope


def address_of(scope: Scope) -> str:
    """The IP address, or "" where there is none."""
    client = scope.get("client")
    return "" if client is None else str(client[0])


def name_of(scope: Scope) -> str:
    """ "ip:port", as the other conversations write it."""
    host, port = scope.get("client") or ("", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(scope: Scope) -> bool:
    """Whether the request was made on this machine."""
    try:
        address = ipaddress.ip_address(address_of(scope).partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_encrypted(scope: Scope) -> bool:
    """Whether it came over TLS."""
    return scope["scheme"] in ("https", "wss")
