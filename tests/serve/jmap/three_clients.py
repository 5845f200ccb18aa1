"""The JMAP clients of an account on which a machine acts at random: one that asks after each step, one that asks now and
then and for little at once, one that sets things and keeps nothing; and what an event source says meanwhile."""

from collections.abc import Iterable

from event_stream import listening
from jmap_site import Site
from object_copy import WAYS, DataType, ObjectCopy

LITTLE = 2
"""The maxChanges of the one that asks now and then."""


class ThreeClients:
    """`open` before use."""

    def __init__(self, site: Site, types: Iterable[DataType], using: tuple[str, ...]) -> None:
        self.site = site
        self._types = tuple(types)
        self._using = using
        self.now = ObjectCopy(site, self._types, using, ways=WAYS)
        self.late = ObjectCopy(site, self._types, using, most=LITTLE)
        self.other = self._fresh()
        self._before = self._fresh()
        """What was there after the step before."""
        self._pushed = 0
        """The place in time up to which the account's changes have been pushed."""
        self._may_lose = False
        """Whether changes were forgotten since the second has asked: then a state of its may be too old."""

    def _fresh(self) -> ObjectCopy:
        return ObjectCopy(self.site, self._types, self._using)

    async def open(self) -> None:
        """They read everything."""
        for copy in (self.now, self.late, self._before):
            await copy.read()
        self._pushed = await self._modseq()

    async def _modseq(self) -> int:
        id = self.site.account.id
        return int(await self.site.office.database.value(id, "select modseq from account where id = $1", id))

    async def check(self) -> None:
        """The first client knows all, and the states and what was pushed say so."""
        fresh = self._fresh()
        await fresh.read()
        await self.now.follow()
        self.now.assert_equals(fresh)
        assert not self.now.has_lost
        for type in self._types:
            name = type.name
            is_same = fresh.objects[name] == self._before.objects[name]
            has_stayed = fresh.states[name] == self._before.states[name]
            assert is_same == has_stayed or (type.moves_unseen and is_same), name
        await self._check_push(fresh)
        self._before = fresh

    async def _check_push(self, fresh: ObjectCopy) -> None:
        """What an event source says to a client that comes back says which states are others, and what they are."""
        modseq = await self._modseq()
        pushed: dict[str, str] = {}
        if modseq != self._pushed:
            headers = {"Last-Event-ID": str(self._pushed)}
            async with listening(self.site, closeafter="state", headers=headers) as events:
                pushed = await events.states()
        for name, state in fresh.states.items():
            if name in pushed:
                assert pushed[name] == state, name
            else:
                assert state == self._before.states[name], name
        self._pushed = modseq

    async def check_late(self) -> None:
        """The second client has caught up."""
        fresh = self._fresh()
        await fresh.read()
        await self.late.follow()
        self.late.assert_equals(fresh)
        assert self._may_lose or not self.late.has_lost
        self._may_lose = self.late.has_lost = False

    async def sweep(self) -> None:
        """Housekeeping: what is too old is forgotten."""
        await self.site.mail.housekeeping.sweep()
        self._may_lose = True
