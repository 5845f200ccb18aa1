"""What has begun in a browser and waits for its next step: right passwords, challenges. A few minutes, in memory.

Each is known by a secret that the browser alone holds, so nobody else can go on with it. Memory is bounded, and so is
what one peer can have: its own oldest go first, never another's. A restart forgets all, and people begin again; of many
nodes the one that began must end it.
"""

from collections import OrderedDict
from typing import Generic, TypeVar

from pillarbox.core.access.throttle import network
from pillarbox.model.ports import Clock

PENDING_SECONDS = 300.0
"""For finding one's telephone."""
KEPT = 10_000
KEPT_FOR_PEER = 100

Kept = TypeVar("Kept")


class Pending(Generic[Kept]):
    """Things of one kind."""

    def __init__(self, clock: Clock, *, seconds: float = PENDING_SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._by_key: OrderedDict[str, tuple[float, str, Kept]] = OrderedDict()
        self._by_peer: dict[str, OrderedDict[str, None]] = {}

    def put(self, key: str, kept: Kept, *, peer: str) -> None:
        """Keep it under `key`, in place of what is there."""
        self.take(key)
        self._forget_old()
        of_peer = self._by_peer.get(network(peer), OrderedDict())
        if len(of_peer) >= KEPT_FOR_PEER:
            self.take(next(iter(of_peer)))
        if len(self._by_key) >= KEPT:
            self.take(next(iter(self._by_key)))
        self._by_key[key] = (self._clock.monotonic() + self._seconds, network(peer), kept)
        self._by_peer.setdefault(network(peer), OrderedDict())[key] = None

    def look(self, key: str) -> Kept | None:
        """What is there, left in its place."""
        self._forget_old()
        found = self._by_key.get(key)
        return None if found is None else found[2]

    def take(self, key: str) -> Kept | None:
        """What is there, once."""
        self._forget_old()
        found = self._by_key.pop(key, None)
        if found is None:
            return None
        _, peer, kept = found
        of_peer = self._by_peer[peer]
        del of_peer[key]
        if not of_peer:
            del self._by_peer[peer]
        return kept

    def _forget_old(self) -> None:
        """All are kept equally long, so the oldest stands first."""
        now = self._clock.monotonic()
        while self._by_key:
            key, (until, peer, _) = next(iter(self._by_key.items()))
            if until > now:
                return
            del self._by_key[key]
            of_peer = self._by_peer[peer]
            del of_peer[key]
            if not of_peer:
                del self._by_peer[peer]
