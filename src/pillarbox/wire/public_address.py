"""Which IP addresses are somebody on the internet, and not this machine, its network, or a way around to them.

What must never happen: an address passes whose packets stay near. So IPv4 is all but the special-purpose blocks of
RFC 6890 (and its registry), and IPv6 is the one block of global unicast (RFC 4291 §2.4) without those in it. Forms that
carry an IPv4 address within (mapped, NAT64, 6to4, Teredo) lie outside of what is left.
"""

import ipaddress

_SPECIAL_4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by providers (CGNAT)
            "127.0.0.0/8",
            "168.63.129.16/32",  # public by its number, but in one cloud every machine's own host
            "169.254.0.0/16",  # link-local, where clouds keep their secrets
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",  # documentation, with two more below
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)


def is_public(text: str) -> bool:
    """Whether `text` is such an address; False for what is no address at all, or has a zone."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    return address.scope_id is None and address in _GLOBAL_6 and not any(address in network for network in _SPECIAL_6)
