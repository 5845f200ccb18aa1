"""The mailboxes of an account: names, special uses, subscriptions (RFC 9051 §6.3.4 to §6.3.9).

A path is a tuple of names from the root; the first name INBOX stands in any case for itself (RFC 9051 §5.1). A mailbox
that is deleted loses its name at once and is emptied afterwards, in short transactions that a restart takes up again.
UIDVALIDITY grows within an account and no value is ever used twice, so a name used again is never taken for the old.
"""

import builtins

from pillarbox.core.feed.changes import Changes, MailboxNews
from pillarbox.core.feed.states import Span
from pillarbox.core.mailbox.messages import Messages
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import AlreadyExists, Conflict, Invalid, NotAllowed, NotFound, TooMany
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId, MailboxId
from pillarbox.model.limits import Limits
from pillarbox.model.mailbox import Mailbox, MailboxRole
from pillarbox.model.ports import Clock
from pillarbox.store import changes as change_rows
from pillarbox.store import mailboxes as mailbox_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.changes import ChangeRow
from pillarbox.store.moment import micros

Path = tuple[str, ...]
INBOX: Path = ("INBOX",)


def canonical(path: Path) -> Path:
    """The path with INBOX as we write it."""
    return ("INBOX", *path[1:]) if path and path[0].upper() == "INBOX" else path


class Mailboxes:
    """The mailboxes of all accounts."""

    def __init__(self, db: Database, messages: Messages, *, limits: Limits, clock: Clock, changes: Changes) -> None:
        self._db = db
        self._messages = messages
        self._limits = limits
        self._clock = clock
        self._changes = changes
        self._inboxes: dict[AccountId, MailboxId] = {}

    # reading

    async def list(self, account_id: AccountId) -> list[Mailbox]:
        """All, parents before their children, with their counts as they stand (RFC 9051 §6.3.11)."""
        async with self._db.read(account_id) as tx:
            return await mailbox_rows.list_mailboxes(tx, account_id)

    async def get(self, account_id: AccountId, path: Path) -> Mailbox:
        """One by name; it may be one that only holds others (`selectable`). Raises: NotFound."""
        async with self._db.read(account_id) as tx:
            return await _existing(tx, account_id, canonical(path))

    async def get_by_id(self, account_id: AccountId, mailbox_id: MailboxId) -> Mailbox:
        """Raises: NotFound."""
        async with self._db.read(account_id) as tx:
            found = await mailbox_rows.find_by_id(tx, account_id, mailbox_id)
        if found is None:
            raise NotFound("no such mailbox")
        return found

    async def inbox(self, account_id: AccountId) -> MailboxId:
        """The id of INBOX, which never changes. Raises: NotFound."""
        found = self._inboxes.get(account_id)
        if found is None:
            found = self._inboxes[account_id] = (await self.get(account_id, INBOX)).id
        return found

    # names

    async def create(self, account_id: AccountId, path: Path, role: MailboxRole | None = None) -> Mailbox:
        """A new, empty mailbox; missing parents are made too.

        Raises: AlreadyExists, Invalid (name), TooMany, Conflict (another mailbox has the role), NotFound (account).
        """
        path = self.checked(path)
        async with self._db.write(account_id) as tx:
            if role is not None and await mailbox_rows.find_by_role(tx, account_id, role) is not None:
                raise Conflict("another mailbox has this special use")
            await self._make_parents(tx, account_id, path)
            return await self.make_in(tx, account_id, path, role)

    async def _make_parents(self, tx: Transaction, account_id: AccountId, path: Path) -> None:
        for depth in range(1, len(path)):
            if await mailbox_rows.find_by_path(tx, account_id, path[:depth]) is None:
                await self.make_in(tx, account_id, path[:depth], None)

    async def make_in(
        self,
        tx: Transaction,
        account_id: AccountId,
        path: Path,
        role: MailboxRole | None,
        *,
        selectable: bool = True,
        subscribed: bool = False,
        sort_order: int = 0,
    ) -> Mailbox:
        """One more, whose parents are there, within the caller's transaction; takes the place of a name that only
        holds others.

        Raises: AlreadyExists, TooMany.
        """
        modseq = await change_rows.take_modseqs(tx, account_id, 1)
        old = await mailbox_rows.find_by_path(tx, account_id, path)
        if old is not None:
            if old.selectable:
                raise AlreadyExists("a mailbox of this name exists")
            await mailbox_rows.delete_mailbox(tx, account_id, old.id)
        elif await mailbox_rows.count_mailboxes(tx, account_id) >= self._limits.mailboxes:
            raise TooMany("the account has as many mailboxes as it may have")
        named = await mailbox_rows.take_subscription(tx, account_id, path)
        made = await mailbox_rows.insert_mailbox(
            tx,
            account_id,
            path=path,
            role=role,
            modseq=modseq,
            uidvalidity=await mailbox_rows.next_uidvalidity(tx, account_id, int(self._clock.now().timestamp())),
            selectable=selectable,
            subscribed=subscribed or named or (old is not None and old.subscribed),
            sort_order=sort_order,
        )
        await self.note_in(tx, account_id, made.id, ChangeKind.MAILBOX_CREATED, modseq)
        if old is not None:
            await self._note_later(tx, account_id, [old.id], ChangeKind.MAILBOX_REMOVED)
            await self._note_children(tx, account_id, path)
        return made

    async def _note_children(self, tx: Transaction, account_id: AccountId, path: Path) -> None:
        """Those right below a name have another parent now."""
        below = await mailbox_rows.find_below(tx, account_id, path)
        children = [mailbox.id for mailbox in below if len(mailbox.path) == len(path) + 1]
        await self._note_later(tx, account_id, children, ChangeKind.MAILBOX_CHANGED)

    async def _note_later(
        self, tx: Transaction, account_id: AccountId, mailbox_ids: "builtins.list[MailboxId]", what: ChangeKind
    ) -> None:
        if mailbox_ids:
            last = await change_rows.take_modseqs(tx, account_id, len(mailbox_ids))
            for modseq, mailbox_id in enumerate(mailbox_ids, last - len(mailbox_ids) + 1):
                await self.note_in(tx, account_id, mailbox_id, what, modseq)

    async def note_in(
        self, tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, what: ChangeKind, modseq: int
    ) -> None:
        """Write to the feed, within the caller's transaction, what was done to a mailbox itself."""
        row = ChangeRow(modseq, what, mailbox_id)
        await change_rows.insert_changes(tx, account_id, micros(self._clock.now()), [row])
        self._changes.publish_later(tx.after_commit, MailboxNews(account_id, mailbox_id, modseq, what=what))

    async def rename(self, account_id: AccountId, path: Path, new_path: Path) -> None:
        """Give a mailbox and all below it another name (RFC 9051 §6.3.6). INBOX stays: its messages move to the new
        mailbox. Subscriptions belong to names and stay where they are.

        Raises: NotFound, AlreadyExists, Invalid, TooMany.
        """
        path, new_path = canonical(path), self.checked(new_path)
        if path == INBOX:
            await self._rename_inbox(account_id, new_path)
            return
        if new_path[: len(path)] == path:
            raise Invalid("a mailbox cannot move below itself")
        async with self._db.write(account_id) as tx:
            moved = await _existing(tx, account_id, path)
            below = await mailbox_rows.find_below(tx, account_id, path)
            if await mailbox_rows.find_by_path(tx, account_id, new_path) is not None:
                raise AlreadyExists("a mailbox of this name exists")
            await self._make_parents(tx, account_id, new_path)
            for mailbox in (moved, *below):
                await self._rename_one(tx, account_id, mailbox, self.checked(new_path + mailbox.path[len(path) :]))

    async def _rename_one(self, tx: Transaction, account_id: AccountId, mailbox: Mailbox, new_path: Path) -> None:
        modseq = await change_rows.take_modseqs(tx, account_id, 1)
        await mailbox_rows.set_path(tx, account_id, mailbox.id, new_path)
        subscribed = await mailbox_rows.take_subscription(tx, account_id, new_path)
        if subscribed != mailbox.subscribed:
            await mailbox_rows.set_subscribed(tx, account_id, new_path, subscribed=subscribed)
        if mailbox.subscribed:
            await mailbox_rows.set_subscribed(tx, account_id, mailbox.path, subscribed=True)
        await self.note_in(tx, account_id, mailbox.id, ChangeKind.MAILBOX_CHANGED, modseq)

    async def _rename_inbox(self, account_id: AccountId, new_path: Path) -> None:
        target = await self.create(account_id, new_path)
        await self._messages.move_all(account_id, await self.inbox(account_id), target.id)

    async def delete(self, account_id: AccountId, path: Path) -> None:
        """Delete a mailbox with its messages; where others lie below it, the name stays and only holds them
        (RFC 9051 §6.3.5).

        Raises: NotFound, NotAllowed (INBOX, or a name that only holds others).
        """
        path = canonical(path)
        if path == INBOX:
            raise NotAllowed("INBOX cannot be deleted")
        async with self._db.write(account_id) as tx:
            mailbox = await _existing(tx, account_id, path)
            below = await mailbox_rows.find_below(tx, account_id, path)
            if below and not mailbox.selectable:
                raise NotAllowed("other mailboxes lie below this name")
            await self.remove_in(tx, account_id, mailbox)
            if below:
                await self.make_in(tx, account_id, path, None, selectable=False)
                await self._note_children(tx, account_id, path)
            if mailbox.subscribed:
                await mailbox_rows.set_subscribed(tx, account_id, path, subscribed=True)
        if mailbox.total:
            await self.clear(account_id, mailbox.id)

    async def remove_in(self, tx: Transaction, account_id: AccountId, mailbox: Mailbox) -> None:
        """Take a mailbox from its owner's sight, within the caller's transaction; where it holds messages, `clear`
        must follow the commit."""
        modseq = await change_rows.take_modseqs(tx, account_id, 1)
        await mailbox_rows.hide(tx, account_id, mailbox.id)
        if not mailbox.total:
            await mailbox_rows.delete_mailbox(tx, account_id, mailbox.id)
        await self.note_in(tx, account_id, mailbox.id, ChangeKind.MAILBOX_REMOVED, modseq)

    async def clear(self, account_id: AccountId, mailbox_id: MailboxId, span: Span | None = None) -> None:
        """Empty a mailbox that was removed, and forget it; a restart does what a crash left."""
        await self._messages.empty(account_id, mailbox_id, span)
        async with self._db.write(account_id) as tx:
            await mailbox_rows.delete_mailbox(tx, account_id, mailbox_id)

    async def finish_removals(self) -> None:
        """End what a crash interrupted."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            begun = await mailbox_rows.list_hidden(tx)
        for account_id, mailbox_id in begun:
            await self.clear(account_id, mailbox_id)

    def checked(self, path: Path) -> Path:
        """The path as we write it. Raises: Invalid for one that no mailbox may have."""
        path = canonical(path)
        if not path or len(path) > self._limits.mailbox_depth:
            raise Invalid("the mailbox lies too deep")
        if sum(len(name.encode("utf-8", "surrogatepass")) + 1 for name in path) > self._limits.mailbox_name_octets:
            raise Invalid("the mailbox name is too long")
        for name in path:
            if not name or any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in name):
                raise Invalid("the mailbox name is empty or holds control characters")
            if not name.isascii() and any(0xD800 <= ord(letter) < 0xE000 for letter in name):
                raise Invalid("the mailbox name is no Unicode text")
        return path

    # subscriptions

    async def subscribe(self, account_id: AccountId, path: Path) -> None:
        """Add a name to the list, whether a mailbox bears it or not (RFC 9051 §6.3.7). Raises: Invalid."""
        path = self.checked(path)
        async with self._db.write(account_id) as tx:
            await self._set_subscribed(tx, account_id, path, subscribed=True)

    async def unsubscribe(self, account_id: AccountId, path: Path) -> None:
        """Take a name from the list; no error if it was not there."""
        async with self._db.write(account_id) as tx:
            await self._set_subscribed(tx, account_id, canonical(path), subscribed=False)

    async def _set_subscribed(self, tx: Transaction, account_id: AccountId, path: Path, *, subscribed: bool) -> None:
        before = await mailbox_rows.find_by_path(tx, account_id, path)
        await mailbox_rows.set_subscribed(tx, account_id, path, subscribed=subscribed)
        if before is not None and before.subscribed != subscribed:
            await self._note_later(tx, account_id, [before.id], ChangeKind.MAILBOX_CHANGED)

    async def subscriptions(self, account_id: AccountId) -> "builtins.list[Path]":
        """All names subscribed to, in order."""
        async with self._db.read(account_id) as tx:
            return await mailbox_rows.list_subscriptions(tx, account_id)


async def _existing(tx: Transaction, account_id: AccountId, path: Path) -> Mailbox:
    found = await mailbox_rows.find_by_path(tx, account_id, path)
    if found is None:
        raise NotFound("no such mailbox")
    return found
