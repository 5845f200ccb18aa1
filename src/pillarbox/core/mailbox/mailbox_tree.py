"""Mailboxes by id, each with its parent: made, changed and removed as nodes of a tree (RFC 8621 §2.5).

Paths stay the truth (`core.mailbox.mailboxes`); here they follow from who is whose parent. Many mailboxes can be changed at
once, all or none: what counts is that the tree is right afterwards, so two may exchange their names.
"""

from collections.abc import Mapping

import msgspec

from pillarbox.core.feed.states import Span
from pillarbox.core.mailbox.mailboxes import INBOX, Mailboxes, Path
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import AlreadyExists, Conflict, Invalid, NotAllowed, NotFound
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.mailbox import Mailbox, MailboxRole
from pillarbox.store import changes as change_rows
from pillarbox.store import mailboxes as mailbox_rows
from pillarbox.store.base import Database, Transaction

_TRASH = MailboxRole.TRASH


class RoleTaken(Conflict):
    """Another mailbox has this special use."""


class NoParent(Invalid):
    """The parent does not exist, or lies below the mailbox itself."""


class HasChildren(Conflict):
    """Other mailboxes lie below this one."""


class HasMessages(Conflict):
    """There are messages in it."""


class Node(msgspec.Struct, frozen=True):
    """All that an owner can say of a mailbox. `parent_id` None: it lies at the top."""

    parent_id: MailboxId | None
    name: str
    role: MailboxRole | None = None
    sort_order: int = 0
    subscribed: bool = True


def parents(mailboxes: list[Mailbox]) -> dict[MailboxId, MailboxId | None]:
    """Who is whose parent: the mailbox of the path without its last name."""
    by_path = {mailbox.path: mailbox.id for mailbox in mailboxes}
    return {mailbox.id: by_path.get(mailbox.path[:-1]) for mailbox in mailboxes}


class MailboxTree:
    """The mailboxes of all accounts, as trees.

    A `Span` holds the first transaction of several to a state, and knows afterwards where they have led; all of them
    raise StateMoved for it, and then nothing was written.
    """

    def __init__(self, db: Database, mailboxes: Mailboxes) -> None:
        self._db = db
        self._mailboxes = mailboxes

    async def add(self, account_id: AccountId, node: Node, span: Span) -> Mailbox:
        """A new, empty mailbox.

        Raises: AlreadyExists, NoParent, RoleTaken, Invalid (name), TooMany, NotFound (account).
        """
        async with self._db.write(account_id) as tx, span.step(tx, account_id):
            path = await self._path(tx, account_id, node)
            if await mailbox_rows.find_by_path(tx, account_id, path) is not None:
                raise AlreadyExists("a mailbox of this name exists")
            if node.role is not None and await mailbox_rows.find_by_role(tx, account_id, node.role) is not None:
                raise RoleTaken("another mailbox has this special use")
            return await self._mailboxes.make_in(
                tx, account_id, path, node.role, subscribed=node.subscribed, sort_order=node.sort_order
            )

    async def _path(self, tx: Transaction, account_id: AccountId, node: Node) -> Path:
        above: Path = ()
        if node.parent_id is not None:
            parent = await mailbox_rows.find_by_id(tx, account_id, node.parent_id)
            if parent is None or not parent.path[0]:
                raise NoParent("no such mailbox")
            above = parent.path
        return self._mailboxes.checked((*above, node.name))

    async def change(self, account_id: AccountId, nodes: Mapping[MailboxId, Node], span: Span) -> None:
        """Make these mailboxes what `nodes` say, all of them or none. A subscription goes with its mailbox.

        Raises: NotFound, AlreadyExists, NoParent, RoleTaken, Invalid (name), NotAllowed (INBOX moved).
        """
        async with self._db.write(account_id) as tx, span.step(tx, account_id):
            known = {mailbox.id: mailbox for mailbox in await mailbox_rows.list_mailboxes(tx, account_id)}
            if not nodes.keys() <= known.keys():
                raise NotFound("no such mailbox")
            _check_roles(known, nodes)
            moved = self._moved(known, nodes)
            for mailbox_id in moved if len(moved) > 1 else ():
                await mailbox_rows.set_path(tx, account_id, mailbox_id, ("", str(mailbox_id)))
            for mailbox_id, path in moved.items():
                await mailbox_rows.set_path(tx, account_id, mailbox_id, path)
                await mailbox_rows.take_subscription(tx, account_id, path)
            for mailbox_id, node in nodes.items():
                await mailbox_rows.set_details(
                    tx,
                    account_id,
                    mailbox_id,
                    role=node.role,
                    sort_order=node.sort_order,
                    subscribed=node.subscribed,
                )
            # Which messages a mailbox counts as unread depends on what is the trash (RFC 8621 §2, unreadThreads).
            counted = known if _is_another_trash(known, nodes) else ()
            changed = list(dict.fromkeys((*nodes, *moved, *counted)))
            last = await change_rows.take_modseqs(tx, account_id, len(changed))
            for modseq, mailbox_id in enumerate(changed, last - len(changed) + 1):
                await self._mailboxes.note_in(tx, account_id, mailbox_id, ChangeKind.MAILBOX_CHANGED, modseq)

    def _moved(self, known: dict[MailboxId, Mailbox], nodes: Mapping[MailboxId, Node]) -> dict[MailboxId, Path]:
        """The new paths of all that have one, themselves or because of a mailbox above."""
        places: dict[MailboxId, tuple[MailboxId | None, str]] = {
            mailbox_id: (parent_id, known[mailbox_id].path[-1])
            for mailbox_id, parent_id in parents(list(known.values())).items()
        }
        places.update((mailbox_id, (node.parent_id, node.name)) for mailbox_id, node in nodes.items())
        moved: dict[MailboxId, Path] = {}
        taken: set[Path] = set()
        for mailbox_id, mailbox in known.items():
            path = _path_of(mailbox_id, places)
            if path != mailbox.path:
                path = self._mailboxes.checked(path)
            if path != mailbox.path:
                moved[mailbox_id] = path
            if path in taken:
                raise AlreadyExists("a mailbox of this name exists")
            taken.add(path)
            if mailbox.path == INBOX and path != INBOX:
                raise NotAllowed("INBOX stays where it is")
        return moved

    async def remove(self, account_id: AccountId, mailbox_id: MailboxId, span: Span, *, with_messages: bool) -> None:
        """Remove a mailbox that has no others below it, and with `with_messages` what is in it.

        Raises: NotFound, NotAllowed (INBOX), HasChildren, HasMessages.
        """
        async with self._db.write(account_id) as tx, span.step(tx, account_id):
            mailbox = await mailbox_rows.find_by_id(tx, account_id, mailbox_id)
            if mailbox is None or not mailbox.path[0]:
                raise NotFound("no such mailbox")
            if mailbox.path == INBOX:
                raise NotAllowed("INBOX cannot be deleted")
            if await mailbox_rows.find_below(tx, account_id, mailbox.path):
                raise HasChildren("other mailboxes lie below it")
            if mailbox.shown and not with_messages:
                raise HasMessages("there are messages in it")
            await self._mailboxes.remove_in(tx, account_id, mailbox)
        if mailbox.total:
            await self._mailboxes.clear(account_id, mailbox_id, span)


def _check_roles(known: dict[MailboxId, Mailbox], nodes: Mapping[MailboxId, Node]) -> None:
    roles = {mailbox_id: mailbox.role for mailbox_id, mailbox in known.items()}
    for mailbox_id, node in nodes.items():
        is_inbox = known[mailbox_id].path == INBOX
        if is_inbox != (node.role is MailboxRole.INBOX):
            raise NotAllowed("INBOX alone has this role, and no other") if is_inbox else RoleTaken("it is INBOX's")
        roles[mailbox_id] = node.role
    given = [role for role in roles.values() if role is not None]
    if any(node.role is not None and given.count(node.role) > 1 for node in nodes.values()):
        raise RoleTaken("another mailbox has this special use")


def _is_another_trash(known: dict[MailboxId, Mailbox], nodes: Mapping[MailboxId, Node]) -> bool:
    return any((node.role is _TRASH) is not (known[mailbox_id].role is _TRASH) for mailbox_id, node in nodes.items())


def _path_of(mailbox_id: MailboxId, places: dict[MailboxId, tuple[MailboxId | None, str]]) -> Path:
    names: list[str] = []
    here: MailboxId | None = mailbox_id
    while here is not None:
        if here not in places:
            raise NoParent("no such mailbox")
        if len(names) > len(places):
            raise NoParent("a mailbox cannot lie below itself")
        here, name = places[here]
        names.append(name)
    return tuple(reversed(names))
