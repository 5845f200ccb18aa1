"""Who has an account: add, remove, sign in, and as whom one may send.

A login costs an Argon2id check once; a login that was right is known again by an HMAC under a key that this process
alone has, until the password changes. A wrong password, an unknown name and an account without password cost and say
the same. Failures are counted by peer (`core.access.throttle`).

Standards: RFC 4616 §2, RFC 5802 §3, RFC 6409 §6.1.
"""

import hashlib
import hmac
from collections import OrderedDict

import msgspec

from pillarbox.core.access.credentials import Credentials
from pillarbox.core.access.passwords import SCRAM_ITERATIONS, Passwords, ScramVerifier
from pillarbox.core.access.throttle import Throttle
from pillarbox.core.access.token_check import TokenCheck, credential_of
from pillarbox.core.feed.changes import Changes
from pillarbox.core.flow.directory import Directory
from pillarbox.model.account import PASSWORD, Account, Credential
from pillarbox.model.address import Address, domain_key
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import AlreadyExists, BadCredentials, Conflict, Invalid, NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.mailbox import NEW_ACCOUNT_MAILBOXES
from pillarbox.model.ports import Clock, Random
from pillarbox.model.session import Means, Proof
from pillarbox.store import accounts as account_rows
from pillarbox.store import changes as change_rows
from pillarbox.store import directory as directory_rows
from pillarbox.store import mailboxes as mailbox_rows
from pillarbox.store.accounts import Secrets
from pillarbox.store.base import Database, Transaction
from pillarbox.store.changes import ChangeRow
from pillarbox.store.moment import micros

LOGINS_KEPT = 10_000
PAGE = 500
WRONG = "wrong name or password"


class ScramLogin(msgspec.Struct, frozen=True):
    """What a SCRAM exchange begins with. `account` is None for a name that does not exist: its verifier looks like any
    other and no client proof fits it."""

    account: Account | None
    verifier: ScramVerifier


class Accounts:
    """The accounts of this system."""

    def __init__(
        self,
        db: Database,
        directory: Directory,
        passwords: Passwords,
        *,
        limits: Limits,
        clock: Clock,
        random: Random,
        changes: Changes,
        credentials: Credentials,
    ) -> None:
        self._db = db
        self._directory = directory
        self._passwords = passwords
        self._limits = limits
        self._clock = clock
        self._random = random
        self._changes = changes
        self._credentials = credentials
        self._token_check = TokenCheck(db, clock=clock)
        self._throttle = Throttle(clock, failures=limits.login_failures, window_seconds=limits.login_window_seconds)
        self._key = random.octets(32)
        self._right: OrderedDict[AccountId, bytes] = OrderedDict()

    # who there is

    async def add(self, address: Address, password: str | None) -> Account:
        """A new account with the usual mailboxes; without a password nobody can sign in.

        Raises: NotFound (not our domain), AlreadyExists, Invalid.
        """
        if not self._directory.is_local_domain(address.domain):
            raise NotFound(f"{address.domain} is no domain of this server")
        if not address.local:
            raise Invalid("the address has no local part")
        address = Address(address.local, domain_key(address.domain))
        secrets = Secrets() if password is None else await self._passwords.secrets(password)
        now = self._clock.now()
        try:
            async with self._db.write(SYSTEM_ACCOUNT) as tx:
                account = await account_rows.insert_account(tx, address, secrets, now=micros(now))
                await self._make_mailboxes(tx, account.id, int(now.timestamp()), micros(now))
                tx.after_commit(self._directory.forget_routes)
        except Conflict:
            raise AlreadyExists(f"{address} has an account already") from None
        return self._with_quota(account)

    async def _make_mailboxes(self, tx: Transaction, account_id: AccountId, now_seconds: int, now: int) -> None:
        rows = []
        for name, role in NEW_ACCOUNT_MAILBOXES:
            modseq = await change_rows.take_modseqs(tx, account_id, 1)
            uidvalidity = await mailbox_rows.next_uidvalidity(tx, account_id, now_seconds)
            made = await mailbox_rows.insert_mailbox(
                tx, account_id, path=(name,), role=role, modseq=modseq, uidvalidity=uidvalidity, subscribed=True
            )
            rows.append(ChangeRow(modseq, ChangeKind.MAILBOX_CREATED, made.id))
        await change_rows.insert_changes(tx, account_id, now, rows)

    async def list(self) -> list[Account]:
        """All, in the order they were made."""
        found: list[Account] = []
        while True:
            async with self._db.read(SYSTEM_ACCOUNT) as tx:
                page = await account_rows.page(tx, found[-1].id if found else 0, PAGE)
            found += map(self._with_quota, page)
            if len(page) < PAGE:
                return found

    async def find(self, address: Address) -> Account:
        """The account of this very address. Raises: NotFound."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            found = await account_rows.find_by_key(tx, address.key)
        if found is None:
            raise NotFound(f"{address} has no account")
        return self._with_quota(found[0])

    async def get(self, account_id: AccountId) -> Account:
        """The account as it stands. Raises: NotFound."""
        async with self._db.read(account_id) as tx:
            account = await account_rows.find_by_id(tx, account_id)
        if account is None:
            raise NotFound("no such account")
        return self._with_quota(account)

    def _with_quota(self, account: Account) -> Account:
        if account.quota_octets or not self._limits.account_octets:
            return account
        return msgspec.structs.replace(account, quota_octets=self._limits.account_octets)

    async def set_password(self, address: Address, password: str | None, *, kept: str | None = None) -> None:
        """Replace the password; None: nobody can sign in with one. Sessions of SMTP and IMAP that are signed in stay;
        what was opened over HTTP with the password ends, push subscriptions too, and all sessions of browsers but
        `kept`.

        Raises: NotFound, Invalid.
        """
        account = await self.find(address)
        secrets = Secrets() if password is None else await self._passwords.secrets(password)
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            await account_rows.set_secrets(tx, account.id, secrets)
            await self._credentials.end(tx, account.id, PASSWORD.key)
            await self._credentials.end_sessions(tx, account.id, kept=kept)
            tx.after_commit(lambda: self._forget_login(account.id))

    async def remove(self, address: Address) -> None:
        """Remove an account with all its mail. Its name is gone first; the rows follow in short transactions, and are
        taken up again by `finish_removals` after a crash. Files of contents go when their grace has passed.

        Raises: NotFound.
        """
        account = await self.find(address)
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            await account_rows.begin_removal(tx, account.id)
            await self._credentials.end_all(tx, account.id)
            await directory_rows.forget_targets(tx, account.address)
            tx.after_commit(self._directory.forget_routes)
            tx.after_commit(lambda: self._forget_login(account.id))
            tx.after_commit(lambda: self._changes.account_gone(account.id))
        await self._remove_rows(account.id)

    async def finish_removals(self) -> None:
        """End what a crash interrupted."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            begun = await account_rows.removing(tx)
        for account_id in begun:
            await self._remove_rows(account_id)

    async def _remove_rows(self, account_id: AccountId) -> None:
        more = True
        while more:
            async with self._db.write(account_id) as tx:
                more = await account_rows.remove_some(tx, account_id, micros(self._clock.now()))

    # who may

    async def sign_in(self, login: str, password: str, *, peer: str) -> Account:
        """The account of a name and password, for a program. `login` is the address, or its local part where only one
        account has it. A token of the account does in place of the password; where there is a second factor nothing
        else does, since no program can ask for that.

        Raises: BadCredentials, RateLimited.
        """
        return (await self.identify(login, password, peer=peer))[0]

    async def identify(self, login: str, password: str, *, peer: str) -> tuple[Account, Credential]:
        """The same, and with what. Raises: as `sign_in`."""
        self._throttle.check(peer)
        found = await self._find_login(login)
        token = await self._token_check.find_password(password)
        if token is not None and found is not None and token.account_id == found[0].id:
            return self._with_quota(found[0]), credential_of(token.token)
        if not await self._is_right(found, password) or found is None or found[1].two_steps:
            self._throttle.fail(peer)
            raise BadCredentials(WRONG)
        return self._with_quota(found[0]), PASSWORD

    async def check_password(self, login: str, password: str, *, peer: str) -> Proof:
        """The first step of somebody with a browser; `core.access.sessions` asks whether it is enough.

        Raises: BadCredentials, RateLimited.
        """
        self._throttle.check(peer)
        found = await self._find_login(login)
        if not await self._is_right(found, password) or found is None:
            self._throttle.fail(peer)
            raise BadCredentials(WRONG)
        return Proof(self._with_quota(found[0]), Means.PASSWORD, password_hash=found[1].password_hash)

    def check_peer(self, peer: str) -> None:
        """For steps that this object does not see. Raises: RateLimited while the peer has failed too often."""
        self._throttle.check(peer)

    async def _is_right(self, found: tuple[Account, Secrets] | None, password: str) -> bool:
        """As much work for a name that nobody has. With a second factor nothing is remembered: what comes at once
        would tell that a password is right which opens nothing."""
        if found is None:
            return await self._passwords.is_right(None, password)
        account, secrets = found
        if not secrets.two_steps and self._is_known(account.id, secrets, password):
            return True
        if not await self._passwords.is_right(secrets.password_hash, password):
            return False
        self._remember(account.id, secrets, password)
        return True

    async def scram(self, login: str, hash_name: str, *, peer: str) -> ScramLogin:
        """What a SCRAM exchange with "sha1" or "sha256" needs; report its failure with `report_failure`.

        Raises: RateLimited.
        """
        self._throttle.check(peer)
        found = await self._find_login(login)
        if found is not None and not found[1].two_steps:
            text = found[1].scram_sha1 if hash_name == "sha1" else found[1].scram_sha256
            if text is not None:
                return ScramLogin(self._with_quota(found[0]), ScramVerifier.parse(text))
        return ScramLogin(None, self._nobodys_verifier(login, hash_name))

    @property
    def failed_logins(self) -> int:
        """How many there were since the start."""
        return self._throttle.total

    def report_failure(self, peer: str) -> None:
        """An exchange that this object did not see the end of has failed."""
        self._throttle.fail(peer)

    def _nobodys_verifier(self, login: str, hash_name: str) -> ScramVerifier:
        """The same salt whenever the same name is asked for, so that nothing tells it from a real one."""
        salt = hmac.digest(self._key, b"salt " + hash_name.encode() + login.casefold().encode(), "sha256")[:16]
        size = hashlib.new(hash_name).digest_size
        return ScramVerifier(SCRAM_ITERATIONS, salt, self._random.octets(size), self._random.octets(size))

    async def _find_login(self, login: str) -> tuple[Account, Secrets] | None:
        local, at, domain = login.rpartition("@")
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            if not at:
                return await account_rows.find_by_local(tx, login.casefold())
            try:
                key = Address(local, domain_key(domain)).key
            except (ValueError, UnicodeError):
                return None
            return await account_rows.find_by_key(tx, key)

    def _token(self, account_id: AccountId, secrets: Secrets, password: str) -> bytes:
        text = f"{account_id}\0{secrets.password_hash}\0{password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")

    def _is_known(self, account_id: AccountId, secrets: Secrets, password: str) -> bool:
        token = self._right.get(account_id)
        return token is not None and hmac.compare_digest(token, self._token(account_id, secrets, password))

    def _remember(self, account_id: AccountId, secrets: Secrets, password: str) -> None:
        self._right[account_id] = self._token(account_id, secrets, password)
        self._right.move_to_end(account_id)
        if len(self._right) > LOGINS_KEPT:
            self._right.popitem(last=False)

    def _forget_login(self, account_id: AccountId) -> None:
        self._right.pop(account_id, None)

    async def may_send_as(self, account: Account, address: Address) -> bool:
        """Whether an account may use a reverse-path or From: its own address, with a tag too, and aliases that lead
        to it (RFC 6409 §6.1)."""
        if address.key == account.address.key:
            return True
        if not self._directory.is_local_domain(address.domain):
            return False
        return await self._directory.leads_to(address, account.address)
