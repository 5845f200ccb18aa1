"""Whose name stands over an answer of somebody who is away: that of the identity of its address (RFC 3834 §3.1.1)."""

import pytest

from office import DOMAIN, Office, address
from pillarbox.model.account import Account
from pillarbox.model.identity import IdentityText
from pillarbox.model.vacation import Vacation

LETTER = b"From: ann@far.test\r\nTo: %b\r\nSubject: hello\r\nMessage-ID: <1@far.test>\r\n\r\nGood morning.\r\n"


async def answer_to(office: Office, account: Account, to: str) -> bytes:
    """What is sent to who wrote there."""
    await office.mail.vacations.change(account.id, lambda _: Vacation(is_enabled=True, text="Back on Monday."))
    await office.take("ann@far.test", to.partition("@")[0], content=LETTER % to.encode())
    (message,) = await office.mail.queue.list()
    async with await office.mail.queue.content(message.id) as content:
        return await content.read()


async def name_own(office: Office, account: Account, name: str) -> None:
    (own,) = await office.mail.identities.all(account)
    await office.mail.identities.change(account.id, own.id, lambda _: IdentityText(name=name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Alice Ray", b"From: Alice Ray <alice@uiowa.test>\r\n"),
        ("Ray, Alice", b'From: "Ray, Alice" <alice@uiowa.test>\r\n'),
        ("Zoë", b"From: =?utf-8?B?Wm/Dqw==?= <alice@uiowa.test>\r\n"),
        ("  Alice\r\nBcc: x@y.test ", b'From: "Alice Bcc: x@y.test" <alice@uiowa.test>\r\n'),
        ("", b"From: alice@uiowa.test\r\n"),
    ],
)
async def test_the_name_of_the_identity(office: Office, name: str, expected: bytes):
    (alice,) = await office.add("alice")
    await name_own(office, alice, name)
    assert expected in await answer_to(office, alice, f"alice@{DOMAIN}")


async def test_an_address_with_a_tag_has_the_name_of_the_one_without(office: Office):
    (alice,) = await office.add("alice")
    await name_own(office, alice, "Alice Ray")
    assert b"From: Alice Ray <alice+news@uiowa.test>\r\n" in await answer_to(office, alice, f"alice+news@{DOMAIN}")


async def test_an_alias_has_the_name_of_its_own_identity_and_no_other(office: Office):
    (alice,) = await office.add("alice")
    await office.mail.directory.add_alias(address("info"), (address("alice"),))
    await name_own(office, alice, "Alice Ray")
    assert b"From: info@uiowa.test\r\n" in await answer_to(office, alice, f"info@{DOMAIN}")


async def test_an_alias_with_an_identity_has_its_name(office: Office):
    (alice,) = await office.add("alice")
    await office.mail.directory.add_alias(address("info"), (address("alice"),))
    await office.mail.identities.add(alice, address("info"), IdentityText(name="The Desk"))
    assert b"From: The Desk <info@uiowa.test>\r\n" in await answer_to(office, alice, f"info@{DOMAIN}")


async def test_a_long_name_keeps_lines_short(office: Office):
    (alice,) = await office.add("alice")
    await name_own(office, alice, "x" * 999)
    answer = await answer_to(office, alice, f"alice@{DOMAIN}")
    assert max(map(len, answer.split(b"\r\n"))) <= 998
