"""Failed logins by peer: who fails too often waits (RFC 4954 §9 asks for protection against guessing).

Every peer counts, loopback too: a reverse proxy or webmail on this machine is no reason to let it guess. An IPv6 peer
counts by its /64, which one subscriber has whole. Memory is bounded: the peers longest at rest are forgotten.
"""

import ipaddress
from collections import OrderedDict, deque

from pillarbox.model.errors import RateLimited
from pillarbox.model.ports import Clock

PEERS_KEPT = 10_000


class Throttle:
    """At most `failures` in `window_seconds` from one peer."""

    def __init__(self, clock: Clock, *, failures: int, window_seconds: float) -> None:
        self._clock = clock
        self._failures = failures
        self._window = window_seconds
        self._by_peer: OrderedDict[str, deque[float]] = OrderedDict()
        self.total = 0
        """Failures of all peers, since the start."""

    def check(self, peer: str) -> None:
        """Raises: RateLimited while the peer's failures in the window are too many."""
        times = self._by_peer.get(network(peer))
        if times is None:
            return
        since = self._clock.monotonic() - self._window
        while times and times[0] <= since:
            times.popleft()
        if len(times) >= self._failures:
            raise RateLimited("too many failed logins; try again later")

    def fail(self, peer: str) -> None:
        """Count one."""
        self.total += 1
        key = network(peer)
        times = self._by_peer.get(key)
        if times is None:
            times = self._by_peer[key] = deque(maxlen=max(self._failures, 1))
        times.append(self._clock.monotonic())
        self._by_peer.move_to_end(key)
        if len(self._by_peer) > PEERS_KEPT:
            self._by_peer.popitem(last=False)


def network(peer: str) -> str:
    """Whom a peer ("ip", "ip:port" or "[ip]:port") counts as."""
    text = peer
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
