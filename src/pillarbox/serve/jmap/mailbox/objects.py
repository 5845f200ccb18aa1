"""A mailbox as a Mailbox object (RFC 8621 §2)."""

from collections.abc import Sequence

from pillarbox.core.feed.states import Kind
from pillarbox.core.mailbox.mailbox_changes import ThreadCounts
from pillarbox.core.mailbox.mailbox_tree import parents
from pillarbox.core.mailbox.mailboxes import INBOX
from pillarbox.grammar.jmap.ids import format_mailbox, parse_mailbox
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.mailbox import Mailbox
from pillarbox.serve.jmap.method import Call, Json

COUNTS = ("totalEmails", "unreadEmails", "totalThreads", "unreadThreads")
THREAD_COUNTS = frozenset(("totalThreads", "unreadThreads"))
PROPERTIES = ("id", "name", "parentId", "role", "sortOrder", *COUNTS, "myRights", "isSubscribed")
SERVER_SET = ("id", *COUNTS, "myRights")
DEFAULTS: Json = {"parentId": None, "role": None, "sortOrder": 0, "isSubscribed": True}
INBOX_NAME = "Inbox"


async def state(call: Call) -> str:
    """Of all Mailboxes, with their counts."""
    return str(await call.mail.states.get(call.account.id, Kind.MAILBOX))


def mailbox_id_of(text: str) -> MailboxId:
    """0, which no mailbox has, for what is no id of one."""
    try:
        return parse_mailbox(text)
    except SyntaxProblem:
        return MailboxId(0)


def name_of(mailbox: Mailbox) -> str:
    """Its own name, without those above it."""
    return INBOX_NAME if mailbox.path == INBOX else mailbox.path[-1]


def rights_of(mailbox: Mailbox) -> Json:
    """An owner may do everything; but INBOX stays, and a name that only holds others holds no messages."""
    holds, moves = mailbox.selectable, mailbox.path != INBOX
    return {
        "mayReadItems": holds,
        "mayAddItems": holds,
        "mayRemoveItems": holds,
        "maySetSeen": holds,
        "maySetKeywords": holds,
        "mayCreateChild": True,
        "mayRename": moves,
        "mayDelete": moves,
        "maySubmit": holds,
    }


def object_of(mailbox: Mailbox, parent_id: MailboxId | None, threads: ThreadCounts) -> Json:
    """All its properties."""
    return {
        "id": format_mailbox(mailbox.id),
        "name": name_of(mailbox),
        "parentId": None if parent_id is None else format_mailbox(parent_id),
        "role": None if mailbox.role is None else mailbox.role.value,
        "sortOrder": mailbox.sort_order,
        "totalEmails": mailbox.shown,
        "unreadEmails": mailbox.unread,
        "totalThreads": threads.total,
        "unreadThreads": threads.unread,
        "myRights": rights_of(mailbox),
        "isSubscribed": mailbox.subscribed,
    }


async def objects(call: Call, account_id: AccountId, ids: Sequence[str] | None, *, threads: bool) -> dict[str, Json]:
    """Those that there are of `ids`, or all; without `threads` their counts of threads are 0."""
    mailboxes = await call.mail.mailboxes.list(account_id)
    counts = await call.mail.mailbox_changes.count_threads(account_id) if threads else {}
    above = parents(mailboxes)
    wanted = None if ids is None else frozenset(ids)
    made = (
        object_of(mailbox, above[mailbox.id], counts.get(mailbox.id, ThreadCounts()))
        for mailbox in mailboxes
        if wanted is None or format_mailbox(mailbox.id) in wanted
    )
    return {value["id"]: value for value in made}
