"""The machine's own time and randomness, behind the ports of `model`."""

import asyncio
import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """`Clock` of this machine."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        return time.monotonic()

    def used(self) -> float:
        """Seconds of CPU time of this process."""
        return time.process_time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class SystemRandom:
    """`Random` of this machine."""

    def octets(self, count: int) -> bytes:
        """Unguessable octets."""
        return secrets.token_bytes(count)
