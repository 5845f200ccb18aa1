"""Mail comes in: who may send what to whom, asked command by command, before any content is taken.

Owns the rules of RFC 5321 that need to know who has mail here: no relaying for strangers (RFC 5321 §7.1), no unknown
users of our domains, signed-in people send as themselves only (RFC 6409 §6.1), no room, too large. Content goes through
`core.flow.acceptance`. No reply codes here, and nothing is written.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum

from pillarbox.core.access.accounts import Accounts
from pillarbox.core.flow.acceptance import Acceptance, Incoming
from pillarbox.core.flow.arrival import Accepted, ClientFacts
from pillarbox.core.flow.directory import Directory, Forward, Local, Remote
from pillarbox.core.mailbox.messages import Messages
from pillarbox.core.passport.trace import new_trace
from pillarbox.model.address import Address
from pillarbox.model.envelope import Envelope, Hold, HoldRequest
from pillarbox.model.errors import Invalid, NoMailAccepted, NotAllowed, RelayDenied, TooLarge
from pillarbox.model.ids import TraceId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, DnsOutcome, Random, Resolver

__all__ = ["Accepted", "ClientFacts", "HoldRefused", "Incoming", "Intake", "RecipientVerdict"]


class RecipientVerdict(Enum):
    """Where mail for an accepted recipient goes. FORWARD_REMOTE: an alias that leads away (RFC 5321 §3.4, 251)."""

    LOCAL = "local"
    REMOTE = "remote"
    FORWARD_REMOTE = "forward remote"


class HoldRefused(Invalid):
    """A message cannot be held so long, or until a moment that has passed (RFC 4865 §4.2)."""


class Intake:
    """Asked by every conversation that takes mail in."""

    def __init__(
        self,
        acceptance: Acceptance,
        *,
        directory: Directory,
        accounts: Accounts,
        messages: Messages,
        limits: Limits,
        random: Random,
        clock: Clock,
        resolver: Resolver | None = None,
    ) -> None:
        """With a resolver, people who have signed in are told at once of domains that take no mail."""
        self._acceptance = acceptance
        self._directory = directory
        self._accounts = accounts
        self._messages = messages
        self._limits = limits
        self._random = random
        self._clock = clock
        self._resolver = resolver

    def new_trace(self) -> TraceId:
        """A name for the next message's journey."""
        return new_trace(self._random)

    async def check_sender(
        self,
        client: ClientFacts,
        reverse_path: Address | None,
        *,
        declared_size_octets: int | None = None,
        smtputf8: bool = False,
    ) -> None:
        """Whether mail may come with this reverse-path; None, the null one, may from everybody (RFC 5321 §4.5.5).

        Raises: TooLarge (RFC 1870 §6), NotAllowed (somebody signed in as another), Unavailable.
        """
        if declared_size_octets is not None and declared_size_octets > self._limits.message_octets:
            raise TooLarge(f"the message exceeds {self._limits.message_octets} octets")
        if reverse_path is None:
            return
        if not smtputf8 and not reverse_path.is_ascii:
            raise NotAllowed("a non-ASCII address needs SMTPUTF8")
        if client.account is not None and not await self._accounts.may_send_as(client.account, reverse_path):
            raise NotAllowed(f"{client.account.address} may not send as {reverse_path}")

    def hold(self, request: HoldRequest | None) -> Hold | None:
        """How a message that comes now is held, as its sender asks. Raises: HoldRefused."""
        if request is None:
            return None
        now = self._clock.now()
        most = now + timedelta(seconds=self._limits.hold_seconds)
        if request.until is not None:
            until, words = request.until, f"until;{_utc(request.until)}"
        else:
            until, words = now + timedelta(seconds=request.seconds or 0), f"for;{request.seconds}"
        if until > most:
            raise HoldRefused(f"a message is held for {self._limits.hold_seconds} seconds at most")
        if until <= now:
            raise HoldRefused("a message cannot be held until a moment that has passed")
        return Hold(until, words)

    async def check_recipient(
        self, client: ClientFacts, address: Address, *, declared_size_octets: int | None = None
    ) -> RecipientVerdict:
        """Whether mail for this recipient is taken.

        Raises: NotFound (unknown user of a domain of ours), RelayDenied (elsewhere, from somebody who has not signed
        in), OverQuota, NoMailAccepted (RFC 7505 §4.2), Unavailable.
        """
        match await self._directory.route(address):
            case Local(account_id=account_id):
                await self._messages.check_room(account_id, declared_size_octets or 1)
                return RecipientVerdict.LOCAL
            case Forward(targets=targets):
                leads_away = not any(self._directory.is_local_domain(target.domain) for target in targets)
                return RecipientVerdict.FORWARD_REMOTE if leads_away else RecipientVerdict.LOCAL
            case Remote():
                if client.account is None:
                    raise RelayDenied("relaying is for those who have signed in")
                await self._check_domain(address.domain)
                return RecipientVerdict.REMOTE

    async def _check_domain(self, domain: str) -> None:
        if self._resolver is None or domain.startswith("["):
            return
        answer = await self._resolver.mx(domain)
        if answer.outcome is DnsOutcome.FOUND and [record.host for record in answer.records] == [""]:
            raise NoMailAccepted(f"{domain} accepts no mail")

    def begin(self, client: ClientFacts, envelope: Envelope, trace_id: TraceId) -> Incoming:
        """Content is about to come for recipients that have been checked."""
        return self._acceptance.begin(client, envelope, trace_id)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
