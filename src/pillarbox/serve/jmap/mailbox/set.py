"""Mailbox/set (RFC 8621 §2.5).

What fails because of a name or a role that another mailbox of the same call still has is tried again, together, when
all others are done: so two may exchange their names. Mailboxes below others are destroyed before those.
"""

from collections.abc import Mapping, Sequence

from pillarbox.core.feed.states import Kind, Span, StateMoved
from pillarbox.core.mailbox.mailbox_changes import ThreadCounts
from pillarbox.core.mailbox.mailbox_tree import HasChildren, HasMessages, Node, NoParent, RoleTaken
from pillarbox.grammar.jmap.ids import format_mailbox
from pillarbox.model.errors import AlreadyExists, Invalid, MailError, NotFound
from pillarbox.model.ids import MailboxId
from pillarbox.model.mailbox import MailboxRole
from pillarbox.serve.jmap.mailbox.objects import (
    DEFAULTS,
    PROPERTIES,
    SERVER_SET,
    mailbox_id_of,
    object_of,
    objects,
    state,
)
from pillarbox.serve.jmap.method import MAIL, Call, Json, Method, SetProblem
from pillarbox.serve.jmap.standard.set import (
    Outcomes,
    SetArguments,
    Setting,
    in_order,
    one_by_one,
    patched,
    set,
    span_of,
)

SORT_ORDERS = range(2**31)
ROUNDS = 10
"""In which updates that others may have made way for are tried again."""
_ROLES = {role.value: role for role in MailboxRole}


class MailboxSet(SetArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §2.5."""

    on_destroy_remove_emails: bool = False


def _node(call: Call, value: Json, others: Sequence[str] = ()) -> Node:
    """What the object says of the mailbox. Raises: SetProblem, with all properties that are wrong: these `others` too."""
    wrong = [*others]
    name, parent, role = value.get("name"), value.get("parentId"), value.get("role")
    sort_order, subscribed = value.get("sortOrder"), value.get("isSubscribed")
    if not isinstance(name, str) or not name or "/" in name:
        wrong.append("name")  # the slash is what paths are written with in IMAP
    parent_id = mailbox_id_of(call.resolve(parent)) if isinstance(parent, str) else None
    if parent is not None and not parent_id:
        wrong.append("parentId")
    if role is not None and (not isinstance(role, str) or role not in _ROLES):
        wrong.append("role")
    if isinstance(sort_order, bool) or not isinstance(sort_order, int) or sort_order not in SORT_ORDERS:
        wrong.append("sortOrder")
    if not isinstance(subscribed, bool):
        wrong.append("isSubscribed")
    if wrong:
        raise SetProblem("invalidProperties", properties=wrong)
    return Node(
        parent_id, str(name), None if role is None else _ROLES[str(role)], int(str(sort_order)), bool(subscribed)
    )


def _problem(error: MailError) -> Exception:
    """Which property is to blame, where one is."""
    match error:
        case NoParent():
            properties = ["parentId"]
        case RoleTaken():
            properties = ["role"]
        case AlreadyExists() | Invalid():
            properties = ["name"]
        case HasChildren():
            return SetProblem("mailboxHasChild", error.text)
        case HasMessages():
            return SetProblem("mailboxHasEmail", error.text)
        case _:
            return error
    return SetProblem("invalidProperties", error.text, properties=properties)


async def create(call: Call, creations: Mapping[str, Json], span: Span) -> Outcomes[Json]:
    """Parents before their children."""

    async def one(creation_id: str) -> Json:
        given = creations[creation_id]
        others = [name for name in given if name in SERVER_SET or name not in PROPERTIES]
        node = _node(call, {**DEFAULTS, **given}, others)
        if node.role is MailboxRole.INBOX:
            raise SetProblem("invalidProperties", "there is an inbox", properties=["role"])
        try:
            mailbox = await call.mail.mailbox_tree.add(call.account.id, node, span)
        except MailError as error:
            raise _problem(error) from None
        call.created_ids[creation_id] = format_mailbox(mailbox.id)
        made = object_of(mailbox, node.parent_id, ThreadCounts())
        return {name: value for name, value in made.items() if name not in given}

    return await one_by_one(in_order(creations, ["parentId"]), one)


async def update(call: Call, updates: Mapping[str, Json], span: Span) -> Outcomes[Json | None]:
    """Each by itself; those that stand in each other's way, together."""
    outcomes: dict[str, Json | Exception | None] = {}
    waiting: dict[str, tuple[Node, Exception]] = {}
    for id, patch in updates.items():
        try:
            node = await _patched_node(call, id, patch)
        except SetProblem as problem:
            outcomes[id] = problem
            continue
        try:
            await call.mail.mailbox_tree.change(call.account.id, {mailbox_id_of(id): node}, span)
            outcomes[id] = None
        except (AlreadyExists, RoleTaken) as error:
            waiting[id] = (node, _problem(error))
        except StateMoved:
            raise
        except MailError as error:
            outcomes[id] = _problem(error)
    for _ in range(ROUNDS):
        done = await _change_together(call, waiting, span)
        outcomes.update(dict.fromkeys(done))
        waiting = {id: one for id, one in waiting.items() if id not in done}
        if not done:
            break
    outcomes.update((id, problem) for id, (_, problem) in waiting.items())
    return {id: outcomes[id] for id in updates}


async def _patched_node(call: Call, id: str, patch: Json) -> Node:
    """Raises: SetProblem."""
    threads = any(name.startswith(("totalThreads", "unreadThreads")) for name in patch)
    current = (await objects(call, call.account.id, [id], threads=threads)).get(id)
    if current is None:
        raise SetProblem("notFound")
    wanted = patched(current, patch, server_set=SERVER_SET, defaults=DEFAULTS)
    return _node(call, wanted)


async def _change_together(call: Call, waiting: Mapping[str, tuple[Node, Exception]], span: Span) -> list[str]:
    """Those that could be changed: all at once, or any by itself, now that others have made way."""
    groups = [list(waiting), *([id] for id in waiting)]
    for group in groups:
        nodes: dict[MailboxId, Node] = {mailbox_id_of(id): waiting[id][0] for id in group}
        try:
            await call.mail.mailbox_tree.change(call.account.id, nodes, span)
        except StateMoved:
            raise
        except MailError:
            continue
        return group
    return []


async def destroy(call: Call, ids: Sequence[str], span: Span, *, with_messages: bool) -> Outcomes[None]:
    """The deepest first."""
    depths = {
        format_mailbox(mailbox.id): len(mailbox.path) for mailbox in await call.mail.mailboxes.list(call.account.id)
    }

    async def one(id: str) -> None:
        if id not in depths:
            raise NotFound("no such mailbox")
        try:
            await call.mail.mailbox_tree.remove(call.account.id, mailbox_id_of(id), span, with_messages=with_messages)
        except MailError as error:
            raise _problem(error) from None

    return await one_by_one(sorted(ids, key=lambda id: -depths.get(id, 0)), one)


async def set_mailboxes(call: Call, arguments: MailboxSet) -> Json:
    """The method."""
    span = span_of(Kind.MAILBOX, arguments.if_in_state)
    with_messages = arguments.on_destroy_remove_emails
    kind = Setting(
        state,
        lambda call, _, creations: create(call, creations, span),
        lambda call, _, updates: update(call, updates, span),
        lambda call, _, ids: destroy(call, ids, span, with_messages=with_messages),
    )
    return await set(call, arguments, kind, method="Mailbox/set", span=span)


METHODS = (Method("Mailbox/set", MAIL, MailboxSet, set_mailboxes),)
