"""Push subscriptions: programs that want to be told elsewhere that something changed (RFC 8620 §7.2).

A subscription belongs to the credential that made it: only who shows that sees it, and it ends with it
(`core.access.credentials`). Nothing is told before a code that was sent to the URL has come back from the client, so nobody
can have this server send anything to a third party but that code: once, of bounded number.

    NEW ──code was sent──► ASKED ──code came back──► VERIFIED ──► told of changes until it expires
     └─ three attempts failed: gone

Each step is one transaction. After a crash a text may be sent again; one that was due is still due, since `told` says
how far its receiver knows.
"""

import base64
import hmac
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from pillarbox.model.account import Credential
from pillarbox.model.errors import Invalid, NotFound, RateLimited, TooMany
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random
from pillarbox.model.push import PushKeys, PushStage, PushSubscription
from pillarbox.store import push as rows
from pillarbox.store import settings as setting_rows
from pillarbox.store import states as state_rows
from pillarbox.store.base import Database, Transaction

LASTS = timedelta(days=7)
"""At most, from the last time that the client said so (RFC 8620 §7.2: at least 48 hours, better 7 days)."""
SEED_SETTING = "push_seed"
SEED_OCTETS = 48
CODE_OCTETS = 24
ID_OCTETS = 6
DEVICE_LETTERS = 255
TYPES = 100
TYPE_LETTERS = 100
CODE_ATTEMPTS = 3
MADE_WINDOW_SECONDS = 3_600.0
ACCOUNTS_KEPT = 1_000
PAGE = 500


class BadDevice(Invalid):
    """The device's id is empty, or too long."""


class BadTypes(Invalid):
    """Too many types, or what can be none."""


class TimeIsOver(Invalid):
    """It would have ended before it began."""


class WrongCode(Invalid):
    """It is not the one that was sent."""


class PushSubscriptions:
    """The subscriptions of all accounts. `wake` is called, after the commit, with the account that has work."""

    def __init__(self, db: Database, *, limits: Limits, clock: Clock, random: Random) -> None:
        self._db = db
        self._limits = limits
        self._clock = clock
        self._random = random
        self._made: OrderedDict[AccountId, deque[float]] = OrderedDict()
        self.wake: Callable[[AccountId], None] = lambda _: None
        self.seed = b""
        """Unguessable octets that this system has once and for all: push services know it by them."""

    async def start(self) -> None:
        """Read the seed, or make it at the first start of all."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            kept = await setting_rows.find_setting(tx, SEED_SETTING)
        if kept is None:
            async with self._db.write(SYSTEM_ACCOUNT) as tx:
                made = self._random.octets(SEED_OCTETS).hex()
                kept = await setting_rows.keep_setting(tx, SEED_SETTING, made)
        self.seed = bytes.fromhex(kept)

    # for clients

    async def add(
        self,
        account_id: AccountId,
        credential: Credential,
        *,
        device: str,
        url: str,
        keys: PushKeys | None,
        types: Sequence[str] | None,
        expires: datetime | None,
    ) -> PushSubscription:
        """A new one, which is sent its code soon.

        Raises: NotFound (account), BadDevice, BadTypes, TimeIsOver, RateLimited, TooMany.
        """
        if not 0 < len(device) <= DEVICE_LETTERS:
            raise BadDevice(f"a device's id has 1 to {DEVICE_LETTERS} letters")
        made = PushSubscription(
            account_id=account_id,
            id=int.from_bytes(self._random.octets(ID_OCTETS)) + 1,
            credential=credential.key,
            device=device,
            url=url,
            keys=keys,
            code=base64.urlsafe_b64encode(self._random.octets(CODE_OCTETS)).decode("ascii"),
            stage=PushStage.NEW,
            types=_checked(types),
            expires=self._until(credential, expires),
            told=0,
        )
        self._count(account_id)
        async with self._db.write(account_id) as tx:
            await self._make_room(tx, account_id)
            modseq = await state_rows.account_modseq(tx, account_id)
            if modseq is None:
                raise NotFound("no such account")
            made = msgspec.structs.replace(made, told=modseq)
            await rows.insert_subscription(tx, made)
            tx.after_commit(lambda: self.wake(account_id))
        return made

    async def _make_room(self, tx: Transaction, account_id: AccountId) -> None:
        """For one more; the oldest that has not been verified goes first. Raises: TooMany."""
        there = await rows.list_subscriptions(tx, account_id, self._clock.now())
        if len(there) < self._limits.push_subscriptions:
            return
        idle = [one for one in there if one.stage is not PushStage.VERIFIED]
        if not idle:
            raise TooMany(f"an account has at most {self._limits.push_subscriptions} push subscriptions")
        await rows.delete_subscriptions(tx, account_id, [min(idle, key=lambda one: one.expires).id])

    def _count(self, account_id: AccountId) -> None:
        """Each sends a text to somebody who has not asked for it. Raises: RateLimited."""
        times = self._made.setdefault(account_id, deque(maxlen=self._limits.push_subscriptions))
        self._made.move_to_end(account_id)
        now = self._clock.monotonic()
        if len(times) == times.maxlen and times[0] > now - MADE_WINDOW_SECONDS:
            raise RateLimited("too many push subscriptions in one hour")
        times.append(now)
        if len(self._made) > ACCOUNTS_KEPT:
            self._made.popitem(last=False)

    def _until(self, credential: Credential, asked: datetime | None) -> datetime:
        """When it ends. A credential that ends by itself is bound enough (RFC 8620 §7.2). Raises: TimeIsOver."""
        now = self._clock.now()
        if asked is not None and asked <= now:
            raise TimeIsOver("that time is over")
        most = now + LASTS if credential.expires is None else credential.expires
        return most if asked is None else min(asked, most)

    async def made_by(self, account_id: AccountId, credential: Credential) -> list[PushSubscription]:
        """Those that the credential made."""
        async with self._db.read(account_id) as tx:
            found = await rows.list_subscriptions(tx, account_id, self._clock.now())
        return [one for one in found if one.credential == credential.key]

    async def change(
        self,
        account_id: AccountId,
        credential: Credential,
        id: int,
        *,
        code: str | None,
        expires: datetime | None,
        types: Sequence[str] | None,
    ) -> PushSubscription:
        """Give it these types and this time (None: as long as may be), and verify it if there is a code.

        Raises: NotFound, BadTypes, TimeIsOver, WrongCode; nothing has changed then.
        """
        until, wanted = self._until(credential, expires), _checked(types)
        async with self._db.write(account_id) as tx:
            found = await self._mine(tx, account_id, credential, id)
            stage = found.stage
            if code is not None:
                if not hmac.compare_digest(code.encode("utf-8", "replace"), found.code.encode("ascii")):
                    raise WrongCode("this is not the code that was sent")
                stage = PushStage.VERIFIED
            changed = msgspec.structs.replace(found, stage=stage, expires=until, types=wanted)
            if stage is PushStage.VERIFIED and found.stage is not stage:
                changed = msgspec.structs.replace(changed, attempts=0, next_attempt=None)
            await rows.update_subscription(tx, changed)
            tx.after_commit(lambda: self.wake(account_id))
        return changed

    async def remove(self, account_id: AccountId, credential: Credential, id: int) -> None:
        """End it. Raises: NotFound."""
        async with self._db.write(account_id) as tx:
            await self._mine(tx, account_id, credential, id)
            await rows.delete_subscriptions(tx, account_id, [id])

    async def _mine(self, tx: Transaction, account_id: AccountId, credential: Credential, id: int) -> PushSubscription:
        found = await rows.find_subscription(tx, account_id, id)
        if found is None or found.credential != credential.key or found.expires <= self._clock.now():
            raise NotFound("no such push subscription")
        return found

    # for whoever sends

    async def accounts(self) -> list[AccountId]:
        """All that have any."""
        found: list[AccountId] = []
        while True:
            async with self._db.read(SYSTEM_ACCOUNT) as tx:
                page = await rows.subscribed_accounts(tx, found[-1] if found else 0, PAGE)
            found += page
            if len(page) < PAGE:
                return found

    async def of_account(self, account_id: AccountId) -> list[PushSubscription]:
        """All, whoever made them, that have not expired."""
        async with self._db.read(account_id) as tx:
            return await rows.list_subscriptions(tx, account_id, self._clock.now())

    async def note_code_sent(self, subscription: PushSubscription) -> None:
        """The receiver has the code; it may have come back already, which counts."""
        async with self._db.write(subscription.account_id) as tx:
            found = await rows.find_subscription(tx, subscription.account_id, subscription.id)
            if found is not None and found.stage is PushStage.NEW:
                asked = msgspec.structs.replace(found, stage=PushStage.ASKED, attempts=0, next_attempt=None)
                await rows.update_subscription(tx, asked)

    async def note_told(self, subscription: PushSubscription, modseq: int, next_attempt: datetime) -> None:
        """The receiver knows of all up to there; nothing more is sent to it before then."""
        async with self._db.write(subscription.account_id) as tx:
            await rows.note_attempt(
                tx, subscription.account_id, subscription.id, told=modseq, attempts=0, next_attempt=next_attempt
            )

    async def note_failed(self, subscription: PushSubscription, next_attempt: datetime) -> None:
        """It could not be sent; a code is not tried for ever."""
        attempts = subscription.attempts + 1
        if subscription.stage is PushStage.NEW and attempts >= CODE_ATTEMPTS:
            await self.forget(subscription)
            return
        async with self._db.write(subscription.account_id) as tx:
            await rows.note_attempt(
                tx,
                subscription.account_id,
                subscription.id,
                told=subscription.told,
                attempts=attempts,
                next_attempt=next_attempt,
            )

    async def forget(self, subscription: PushSubscription) -> None:
        """The receiver wants no more, or is gone."""
        async with self._db.write(subscription.account_id) as tx:
            await rows.delete_subscriptions(tx, subscription.account_id, [subscription.id])

    async def forget_expired(self) -> int:
        """Those whose time has come; how many."""
        forgotten = 0
        while True:
            async with self._db.read(SYSTEM_ACCOUNT) as tx:
                over = await rows.expired(tx, self._clock.now(), PAGE)
            if not over:
                return forgotten
            async with self._db.write(SYSTEM_ACCOUNT) as tx:
                for account_id, id in over:
                    await rows.delete_subscriptions(tx, account_id, [id])
            forgotten += len(over)


def _checked(types: Sequence[str] | None) -> tuple[str, ...] | None:
    """Raises: BadTypes."""
    if types is None:
        return None
    if len(types) > TYPES or not all(0 < len(one) <= TYPE_LETTERS and one.isprintable() for one in types):
        raise BadTypes(f"types are at most {TYPES} words of 1 to {TYPE_LETTERS} letters")
    return tuple(dict.fromkeys(types))
