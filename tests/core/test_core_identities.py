"""Identities: that of the account's own address is made when somebody first looks (RFC 8621 §6)."""

import asyncio

from office import Office


async def test_all_who_look_first_at_once_see_the_same_one(office: Office):
    (alice,) = await office.add("alice")
    found = await asyncio.gather(*(office.mail.identities.all(alice) for _ in range(20)))
    assert len(found[0]) == 1 and found[0][0].is_own
    assert found == [found[0]] * 20
