"""What a user agent does, on the clients of ours: connections, sending with a copy in Sent, reading, saving."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from pillarbox.admin.mail.profile import Endpoint, Profile
from pillarbox.client.imap import ImapClient
from pillarbox.client.smtp import Security, SmtpClient
from pillarbox.grammar.imap.commands.fetch import FetchItem, Item, Section
from pillarbox.grammar.imap.commands.store import StoreAction
from pillarbox.grammar.message import compose
from pillarbox.grammar.message.address_list import Mailbox, address_of, parse
from pillarbox.grammar.message.compose import Attachment, Draft
from pillarbox.grammar.sasl.plain import Credentials
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.envelope import Envelope, Recipient
from pillarbox.model.errors import Invalid, NotFound, Refused
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.wire.clock import SystemClock
from pillarbox.wire.tls import opportunistic_context, verifying_context

LIMITS = Limits()


class Agent:
    """One person's user agent."""

    def __init__(self, profile: Profile, password: str) -> None:
        self.profile = profile
        self.own = Mailbox(profile.name, profile.address)
        self._credentials = Credentials(profile.login, password)

    def _context(self, endpoint: Endpoint) -> ssl.SSLContext:
        """Certificates are verified, but on loopback without a `ca`: there is nobody in between."""
        if self.profile.ca:
            try:
                return verifying_context(Path(self.profile.ca))
            except OSError as problem:
                raise Invalid(f"{self.profile.ca}: {problem.strerror or problem}") from None
        return opportunistic_context() if endpoint.is_loopback else verifying_context()

    @asynccontextmanager
    async def imap(self) -> AsyncIterator[ImapClient]:
        """A session, signed in. Raises: Unavailable, BadCredentials."""
        endpoint = self.profile.endpoint("imap")
        client = ImapClient(LIMITS, SystemClock())
        await client.open(
            endpoint.host, endpoint.port, implicit_tls=endpoint.is_implicit_tls,
            starttls=not endpoint.is_implicit_tls, context=self._context(endpoint),
        )  # fmt: skip
        try:
            await client.sign_in(self._credentials)
            yield client
        finally:
            await client.logout()

    # --- sending -------------------------------------------------------------------------------------------------

    def draft(
        self,
        *,
        to: list[str],
        cc: list[str],
        bcc: list[str],
        subject: str,
        text: str,
        attachments: tuple[Attachment, ...] = (),
        in_reply_to: str = "",
        references: tuple[str, ...] = (),
    ) -> Draft:
        """A message of this person, ready to be composed. Raises: Invalid for what is no address."""
        domain = self.profile.address.rpartition("@")[2]
        return Draft(
            sender=self.own,
            to=read_mailboxes(to),
            cc=read_mailboxes(cc),
            bcc=read_mailboxes(bcc),
            subject=subject,
            text=text,
            at=datetime.now(UTC).astimezone(),
            message_id=f"{token_hex(12)}@{domain}",
            boundary=f"part-{token_hex(10)}",
            attachments=attachments,
            in_reply_to=in_reply_to,
            references=references,
        )

    async def send(self, draft: Draft) -> str:
        """Submit it, and keep a copy in Sent; what the server said.

        Raises: Refused with the server's words on every recipient it did not take; if it took any, the copy is kept.
        """
        octets = compose.compose(draft)
        recipients = [require_address(mailbox) for mailbox in (*draft.to, *draft.cc, *draft.bcc)]
        statuses = await self._submit(octets, recipients)
        taken = [status for status in statuses if status.action is Action.RELAYED]
        if taken:
            async with self.imap() as client:
                sent = await client.find_use("\\Sent", ("Sent",))
                await client.append(sent, compose.compose(draft, with_bcc=True), FlagSet.of("\\Seen"))
        failed = [status for status in statuses if status.action is not Action.RELAYED]
        if failed:
            others = "; the others get it" if taken else ""
            raise Refused("; ".join(f"{status.recipient}: {status.diagnostic}" for status in failed) + others)
        return taken[0].diagnostic

    async def _submit(self, octets: bytes, recipients: list[Address]) -> list[DeliveryStatus]:
        endpoint = self.profile.endpoint("smtp")
        sender = require_address(self.own)
        client = SmtpClient("[127.0.0.1]", LIMITS, SystemClock())
        security = Security.IMPLICIT if endpoint.is_implicit_tls else Security.STARTTLS
        await client.open(endpoint.host, endpoint.port, security=security, context=self._context(endpoint))
        try:
            await client.sign_in(self._credentials)
            needs_utf8 = not all(address.is_ascii for address in (sender, *recipients))
            envelope = Envelope(sender, tuple(Recipient(address) for address in recipients), smtputf8=needs_utf8)
            statuses, _ = await client.deliver(envelope, len(octets), _pieces(octets))
        finally:
            await client.quit()
        return statuses

    async def keep_draft(self, draft: Draft) -> None:
        """Into Drafts, not sent."""
        async with self.imap() as client:
            drafts = await client.find_use("\\Drafts", ("Drafts",))
            await client.append(drafts, compose.compose(draft, with_bcc=True), FlagSet.of("\\Draft", "\\Seen"))

    # --- reading -------------------------------------------------------------------------------------------------

    async def fetch_message(self, mailbox: tuple[str, ...], uid: int, *, mark: str = "") -> bytes:
        """The whole message; `mark` is a flag that it gets. Raises: NotFound."""
        async with self.imap() as client:
            await client.select(mailbox)
            items: list[FetchItem] = [Item.FLAGS, Section(peek=True)]
            found = await client.fetch([uid], items)
            octets = found[0].octets.get("BODY[]") if found else None
            if octets is None:
                raise NotFound(f"{'/'.join(mailbox)} has no message {uid}")
            if mark:
                await client.store([uid], StoreAction.ADD, FlagSet.of(mark))
            return octets

    async def mark(self, mailbox: tuple[str, ...], uid: int, flag: str) -> None:
        """Set a flag."""
        async with self.imap() as client:
            await client.select(mailbox)
            await client.store([uid], StoreAction.ADD, FlagSet.of(flag))


async def _pieces(octets: bytes) -> AsyncIterator[bytes]:
    for place in range(0, len(octets), 65_536):
        yield octets[place : place + 65_536]


def read_mailboxes(texts: list[str]) -> tuple[Mailbox, ...]:
    """Addresses as people write them. Raises: Invalid."""
    found: list[Mailbox] = []
    for text in texts:
        mailboxes = parse(text.encode())
        if not mailboxes:
            raise Invalid(f"{text!r} is no address")
        for mailbox in mailboxes:
            if address_of(mailbox) is None or "MISSING_" in mailbox.address:
                raise Invalid(f"{text!r} is no address")
        found += mailboxes
    return tuple(found)


def require_address(mailbox: Mailbox) -> Address:
    """Where it leads. Raises: Invalid."""
    address = address_of(mailbox)
    if address is None or "MISSING_" in mailbox.address:
        raise Invalid(f"{mailbox.address!r} is no address")
    return address
