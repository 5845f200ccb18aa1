"""The play: the lecture's six steps, between two real servers, each shown with its dialogue.

Nothing is acted: what is shown was said over real sockets, recorded by who said it, and read back from the passports.
A step that fails raises `PlayFailed` with the reason.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from pillarbox.client.imap import ImapClient
from pillarbox.client.smtp import Security, SmtpClient
from pillarbox.grammar.imap.commands.fetch import Item, Section
from pillarbox.grammar.message import compose
from pillarbox.grammar.message.address_list import Mailbox
from pillarbox.grammar.message.compose import Draft
from pillarbox.grammar.message.structure import scan
from pillarbox.grammar.message.text import main_text
from pillarbox.grammar.sasl.plain import Credentials
from pillarbox.lab.dialogue_text import Told
from pillarbox.lab.scene import PlayFailed, Scene
from pillarbox.lab.stage import Site, Stage
from pillarbox.lab.web import read_over_http
from pillarbox.model.delivery import Action
from pillarbox.model.envelope import Envelope, Recipient
from pillarbox.model.errors import MailError
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Dialogue, DialogueLine
from pillarbox.wire.clock import SystemClock
from pillarbox.wire.tls import verifying_context
from pillarbox.wire.unix import request

ARRIVAL_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 0.02
SUBJECT = "Mail in action"
TEXT = """Hi Bob,

did you see? The lecture on e-mail says that this message goes through
two servers and a queue before you can read it. Grüße aus Iowa!

Alice
"""


Show = Callable[[Scene], None]


class Play:
    """Performs the steps, in order, on a stage."""

    def __init__(self, stage: Stage, show: Show) -> None:
        self._stage = stage
        self._show = show
        self._clock = SystemClock()
        self._limits = Limits()
        self._octets = b""
        self._message_id = ""
        self.account_id = ""
        """Bob's, as JMAP names it; known when he has read."""

    async def perform(self) -> None:
        """All six. Raises: PlayFailed."""
        try:
            self._write()
            await self._submit()
            await self._relay()
            await self._deliver()
            await self._read()
            scene, self.account_id = await read_over_http(self._stage.illinois, SUBJECT)
            self._show(scene)
        except PlayFailed:
            raise
        except MailError as problem:
            raise PlayFailed(problem.text) from problem

    def _write(self) -> None:
        alice, bob = self._stage.uiowa.person, self._stage.illinois.person
        self._message_id = f"{secrets.token_hex(6)}@{alice.address.domain}"
        self._octets = compose.compose(
            Draft(
                sender=Mailbox(alice.name, str(alice.address)),
                to=(Mailbox(bob.name, str(bob.address)),),
                subject=SUBJECT,
                text=TEXT,
                at=datetime.now(UTC),
                message_id=self._message_id,
                boundary="",
            )
        )
        self._show(
            Scene(
                f"1  {alice.name} writes to {bob.address} in her user agent",
                shown=self._octets.decode("utf-8", "replace").replace("\r\n", "\n"),
            )
        )

    async def _submit(self) -> None:
        site = self._stage.uiowa
        person = site.person
        client = SmtpClient("alices-laptop.uiowa.edu", self._limits, self._clock)
        await client.open(
            site.listen, site.port("submission"), security=Security.STARTTLS, context=_context(site),
            server_hostname=site.hostname,
        )  # fmt: skip
        await client.sign_in(Credentials(str(person.address), person.password))
        recipients = (Recipient(self._stage.illinois.person.address),)
        statuses, _ = await client.deliver(Envelope(person.address, recipients), len(self._octets), self._pieces())
        await client.quit()
        if statuses[0].action is not Action.RELAYED:
            raise PlayFailed(f"the submission was refused: {statuses[0].diagnostic}")
        self._show(
            Scene(
                f"2  Her agent sends it by SMTP to her server {site.hostname}, which queues it",
                words=(f"port {site.port('submission')} is for submission: people sign in here, with TLS",),
                dialogue=client.recorder.dialogue(),
                told=Told(f"{person.name}'s agent", site.hostname, self._octets),
            )
        )

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self._octets

    async def _relay(self) -> None:
        """What the sending server noted, and the closure, which comes after its note, as the receiving one did."""
        here, there = self._stage.uiowa, self._stage.illinois
        attempt = await self._wait_for(here, "attempted")
        if attempt["facts"].get("result") != "relayed":
            raise PlayFailed(f"the relay failed: {attempt['facts'].get('reply')}")
        dialogue = msgspec.convert(attempt["dialogue"], Dialogue)
        dialogue = msgspec.structs.replace(dialogue, lines=dialogue.lines + await self._closure(there))
        questions = tuple(f"DNS  {kind:<4}  {name}  →  {answer}" for name, kind, answer in self._stage.questions)
        self._show(
            Scene(
                f"3  {here.hostname} looks up where mail for {there.domain} goes, and opens a TCP connection",
                words=(*questions, f"TCP        {dialogue.client}  →  {dialogue.server}"),
            )
        )
        self._show(
            Scene(
                f"4  {here.hostname} sends the message over it, as an SMTP client",
                words=(
                    "the envelope (MAIL, RCPT) says where it goes; the content is the message above,",
                    f"now below a Received field of {here.hostname}",
                ),
                dialogue=dialogue,
                told=Told(here.hostname, there.hostname),
            )
        )

    async def _closure(self, site: Site) -> tuple[DialogueLine, ...]:
        """QUIT and the answer, from the receiving server's passport of the message."""

        def has_ended(entry: dict[str, Any]) -> bool:
            return any(line["text"].startswith("221 ") for line in entry["dialogue"]["lines"])

        entry = await self._wait_for(site, "accepted", until=has_ended)
        lines = msgspec.convert(entry["dialogue"], Dialogue).lines
        first = next(n for n, line in enumerate(lines) if line.text == "QUIT")
        return lines[first:]

    async def _deliver(self) -> None:
        site = self._stage.illinois
        delivered = await self._wait_for(site, "delivered")
        facts = delivered["facts"]
        self._show(
            Scene(
                f"5  {site.hostname} puts the message into {site.person.name}'s mailbox",
                words=(f"mailbox {facts['mailbox']}, UID {facts['uid']}, at {delivered['at']}",),
            )
        )

    async def _read(self) -> None:
        site = self._stage.illinois
        person = site.person
        client = ImapClient(self._limits, self._clock)
        await client.open(site.listen, site.port("imap"), implicit_tls=False, starttls=True, context=_context(site))
        await client.sign_in(Credentials(str(person.address), person.password))
        if await client.select(("INBOX",)) < 1:
            raise PlayFailed("Bob's INBOX is empty")
        found = await client.fetch([1], [Item.ENVELOPE, Section()])
        await client.logout()
        octets = found[0].octets.get("BODY[]") if found else None
        if octets is None or not octets.endswith(self._octets):
            raise PlayFailed("what Bob read is not what Alice wrote")
        root = scan(octets, limits=self._limits)
        text, _ = main_text(octets, root)
        head = octets[root.start : root.body].decode("utf-8", "replace").expandtabs(4)
        self._show(
            Scene(
                f"6  {person.name}'s agent fetches it later, by IMAP",
                words=(f"port {site.port('imap')} is for IMAP; each state allows other commands",),
                dialogue=client.recorder.dialogue(),
                told=Told(f"{person.name}'s agent", site.hostname),
                shown=(head + text).replace("\r\n", "\n"),
            )
        )

    async def _wait_for(
        self, site: Site, step: str, *, until: Callable[[dict[str, Any]], bool] = lambda entry: True
    ) -> dict[str, Any]:
        """The entry of a step in the message's passport on a server, once it is there."""
        asked = {"request": "passport.show", "arguments": {"name": self._message_id}}
        answer: Any = {}
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS):
                while True:
                    answer = await request(site.folder / "control.sock", asked)
                    for entry in answer.get("answer", []):
                        if entry["step"] == step and until(entry):
                            return dict(entry)
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except TimeoutError:
            raise PlayFailed(f"{site.hostname} has no step “{step}” for the message: {answer}") from None


def _context(site: Site) -> Any:
    return verifying_context(site.folder / "tls/server.crt")
