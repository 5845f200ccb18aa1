"""What machines at random have in common: a loop for their world, and how long they go on in the suite."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from object_copy import Json
from three_clients import ThreeClients

SHORT = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    # What fails is told as it is: to make it shorter may take many minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Who looks for faults lets it go on for longer."""


class Machine(RuleBasedStateMachine):
    """Acts on a world, which a first rule opens; after each step all clients know what is."""

    world: Any

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.is_open = False

    @property
    def clients(self) -> Any:
        """Those who `check`, and `check_late`: who asks now and then has caught up."""
        return self.world

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(60):
                return await work

        return self.runner.run(bounded())

    def teardown(self) -> None:
        try:
            if self.is_open:
                self.run(self.clients.check_late())
        finally:
            self.run(self.world.close())
            self.runner.close()

    @invariant()
    def everybody_knows_what_is(self) -> None:
        if self.is_open:
            self.world.site.office.clock.advance(1)
            self.run(self.clients.check())

    @rule()
    def the_late_one_asks(self) -> None:
        self.run(self.clients.check_late())


class ClientsMachine(Machine):
    """The clients are `three_clients`, who set things in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0

    @property
    def clients(self) -> ThreeClients:
        return self.world.clients

    def known(self, type: str) -> dict[str, Json]:
        """All objects that the first client knows."""
        return self.clients.now.objects[type] if self.is_open else {}

    def set(self, type: str, **arguments: object) -> Json:
        self.turns += 1
        return self.run(
            (self.clients.now, self.clients.other, self.clients.late)[self.turns % 3].set(type, **arguments)
        )
