"""Answers for those who are away: what an account has set up, and the answer to a letter that is being delivered.

An answer is queued in the transaction that delivers the letter, with the note that its sender has had it: there is one
if and only if the letter was delivered, and a sender who writes again, or whose letter comes twice, gets none within
`PERIOD` (RFC 5230 §4.2). Another text is another answer. It has the null reverse-path and says that a program made it
(RFC 3834 §3.3, §5), so two who are away do not answer each other. No trouble of its making keeps a letter from being
delivered.

Who is away is kept in memory, so that all others' mail costs nothing more; one process writes, so it is true.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec
import structlog

from pillarbox.core.contents.spool import Content
from pillarbox.core.feed.states import Kind, Span
from pillarbox.core.flow.arrival import Arrival
from pillarbox.core.flow.directory import Directory, Local
from pillarbox.core.flow.notice import notice, recipients_of, route_of
from pillarbox.core.flow.queue_put import QueuePut
from pillarbox.core.passport.passports import Passports
from pillarbox.core.passport.trace import new_trace
from pillarbox.filter.vacation import HEADER_OCTETS, Letter, Silence, judge
from pillarbox.grammar.message import message_id
from pillarbox.grammar.message.auto_reply import AutoReply, format_auto_reply
from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.change import ChangeKind
from pillarbox.model.envelope import Recipient
from pillarbox.model.errors import TooLarge
from pillarbox.model.identity import Identity
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId, MailboxId
from pillarbox.model.limits import Limits
from pillarbox.model.passport import PassportEntry, Step
from pillarbox.model.ports import Clock, Random
from pillarbox.model.vacation import Vacation
from pillarbox.store import accounts as account_rows
from pillarbox.store import changes as change_rows
from pillarbox.store import identities as identity_rows
from pillarbox.store import vacation as rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.changes import ChangeRow
from pillarbox.store.moment import micros

PERIOD = timedelta(days=7)
"""In which a sender gets an answer once (RFC 5230 §4.1)."""
Edit = Callable[[Vacation], Vacation]

log = structlog.get_logger("vacation")


class _Prepared(msgspec.Struct, frozen=True):
    """An answer that is ready to be queued; `response` is what it says, as a hash."""

    sender: Address
    reply: Arrival
    recipients: tuple[Recipient, ...]
    response: bytes


class Vacations:
    """The vacation responses of all accounts."""

    def __init__(
        self,
        db: Database,
        put: QueuePut,
        *,
        directory: Directory,
        passports: Passports,
        hostname: str,
        limits: Limits,
        random: Random,
        clock: Clock,
    ) -> None:
        self._db = db
        self._put = put
        self._directory = directory
        self._passports = passports
        self._hostname = hostname
        self._limits = limits
        self._random = random
        self._clock = clock
        self._away: set[AccountId] = set()

    async def start(self) -> None:
        """Learn who is away."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            self._away = set(await rows.enabled_accounts(tx))

    # what an account has set up

    async def get(self, account_id: AccountId) -> Vacation:
        """What the account has set up; all off where it never has."""
        async with self._db.read(account_id) as tx:
            return await rows.find_vacation(tx, account_id) or Vacation()

    async def change(self, account_id: AccountId, edit: Edit, *, span: Span | None = None) -> Vacation:
        """Put what `edit` makes of it in its place; whatever `edit` raises changes nothing, and the same is no change.

        Raises: NotFound (account), TooLarge; StateMoved.
        """
        span = span or Span(Kind.VACATION)
        async with self._db.write(account_id) as tx, span.step(tx, account_id):
            await change_rows.take_modseqs(tx, account_id, 0)  # the account is ours from here on
            before = await rows.find_vacation(tx, account_id) or Vacation()
            vacation = edit(before)
            self._check_size(vacation)
            if vacation == before:
                return vacation
            modseq = await change_rows.take_modseqs(tx, account_id, 1)
            await rows.put_vacation(tx, account_id, vacation)
            change = ChangeRow(modseq, ChangeKind.VACATION_UPDATED, MailboxId(0))
            await change_rows.insert_changes(tx, account_id, micros(self._clock.now()), [change])
            tx.after_commit(lambda: self._know(account_id, vacation.is_enabled))
        return vacation

    def _check_size(self, vacation: Vacation) -> None:
        texts = (vacation.subject, vacation.text, vacation.html)
        size = sum(len(text.encode("utf-8", "replace")) for text in texts if text is not None)
        if size > self._limits.vacation_octets:
            raise TooLarge(f"subject and texts exceed {self._limits.vacation_octets} octets together")

    def _know(self, account_id: AccountId, is_away: bool) -> None:
        if is_away:
            self._away.add(account_id)
        else:
            self._away.discard(account_id)

    # answering

    def is_away(self, account_id: AccountId) -> bool:
        """Whether the account has a response that is switched on. Costs a look into memory."""
        return account_id in self._away

    async def answer(self, tx: Transaction, account_id: AccountId, arrival: Arrival, recipient: Address) -> None:
        """Answer a letter that is delivered to this account in the same transaction, if it is one to answer."""
        vacation = await rows.find_vacation(tx, account_id)
        account = await account_rows.find_by_id(tx, account_id)
        if vacation is None or account is None or not vacation.is_on(arrival.received):
            return
        try:
            prepared = await self._prepare(tx, account, arrival, recipient, vacation)
        except Exception:
            log.exception("vacation.bug", account=account_id)  # the letter comes first
            return
        if isinstance(prepared, Silence):
            log.debug("vacation.silent", account=account_id, status=prepared.value)
        else:
            await self._send(tx, account_id, arrival, prepared)

    async def _prepare(
        self, tx: Transaction, account: Account, arrival: Arrival, recipient: Address, vacation: Vacation
    ) -> _Prepared | Silence:
        """The answer, or why there is none. Writes nothing."""
        view = arrival.content.view()
        letter = judge(bytes(view[: HEADER_OCTETS + 1]), arrival.reverse_path, account.address)
        if isinstance(letter, Silence):
            return letter
        named = await self._named(tx, account, recipient, letter)
        if named is None:
            return Silence.NOT_ADDRESSED
        route = await route_of(self._directory, tx, letter.sender)
        if isinstance(route, Local) and route.account_id == account.id:
            return Silence.SELF
        response = _fingerprint(vacation)
        last = await rows.last_answer(tx, account.id, response, letter.sender.key)
        if last is not None and arrival.received - last < PERIOD:
            return Silence.ANSWERED
        name = _name_of(named, await identity_rows.list_identities(tx, account.id))
        reply = self._reply(arrival, letter, (named, name), vacation)
        return _Prepared(letter.sender, reply, recipients_of(letter.sender, route), response)

    async def _send(self, tx: Transaction, account_id: AccountId, arrival: Arrival, prepared: _Prepared) -> None:
        sender, reply = prepared.sender, prepared.reply
        most = self._limits.vacation_senders
        await rows.note_answer(tx, account_id, prepared.response, sender.key, at=arrival.received, most=most)
        await self._put.put(tx, account_id, reply, prepared.recipients)
        facts = {"to": str(sender), "answer": reply.message_id}
        entry = PassportEntry(arrival.trace_id, account_id, arrival.received, Step.ANSWERED, facts)
        await self._passports.record(tx, entry)

    async def _named(self, tx: Transaction, account: Account, recipient: Address, letter: Letter) -> Address | None:
        """The address of the account that the letter names (RFC 5230 §4.5): its own, with a tag too, or an alias that
        leads to nobody else; who is behind an alias of several is nobody's business, and others are there to answer."""
        own = {account.address.key, recipient.key}
        for address in letter.addressed:
            if address.key in own or _without_tag(address).key in own:
                return address
            if self._directory.is_local_domain(address.domain):
                route = await route_of(self._directory, tx, address)
                if isinstance(route, Local) and route.account_id == account.id:
                    return address
        return None

    def _reply(self, arrival: Arrival, letter: Letter, sender: tuple[Address, str], vacation: Vacation) -> Arrival:
        named, name = sender
        trace_id = new_trace(self._random)
        now = self._clock.now()
        identifier = message_id.make(trace_id, self._hostname)
        octets = format_auto_reply(
            AutoReply(
                sender=named,
                to=letter.sender,
                at=now,
                message_id=identifier,
                boundary=f"reply-{trace_id}",
                name=name,
                subject=vacation.subject,
                text=vacation.text,
                html=vacation.html,
                asked=letter.subject,
                in_reply_to=letter.message_id,
                references=letter.references,
            )
        )
        return notice(
            Content.of(octets),
            (letter.sender,),
            sender=SYSTEM_ACCOUNT,
            trace_id=trace_id,
            message_id=identifier,
            at=now,
            facts={"answer_to": arrival.trace_id},
            smtputf8=not (letter.sender.is_ascii and named.is_ascii),
        )


def _without_tag(address: Address) -> Address:
    """RFC 5233 §1."""
    user, plus, _ = address.local.partition("+")
    return Address(user, address.domain) if plus and user else address


def _name_of(named: Address, identities: Sequence[Identity]) -> str:
    """What the owner has called the address, or it without its tag, in an identity; empty where there is none."""
    keys = (named.key, _without_tag(named).key)
    return next((one.text.name for key in keys for one in identities if one.text.name and one.address.key == key), "")


def _fingerprint(vacation: Vacation) -> bytes:
    """What two answers have in common that say the same (RFC 5230 §4.2); each text with its length before it."""
    texts = [
        None if text is None else text.encode("utf-8", "replace")
        for text in (vacation.subject, vacation.text, vacation.html)
    ]
    return hashlib.sha256(b"".join(b"-" if text is None else b"%d:%b" % (len(text), text) for text in texts)).digest()
