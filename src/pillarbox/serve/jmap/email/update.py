"""The updates of Email/set (RFC 8621 §4.6): keywords and mailboxes; all else an Email has never changes.

A patch is not applied here: what it says to add and to take away goes to core, which does that to what is there when it
is written. So two clients that set different keywords at the same time both do.
"""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from pillarbox.core.email.email_edit import EmailChange, EmailNow
from pillarbox.core.feed.states import Span
from pillarbox.grammar.jmap import keywords
from pillarbox.grammar.jmap import patch as patches
from pillarbox.grammar.jmap.email import Values, parse_wanted
from pillarbox.grammar.jmap.ids import parse_email
from pillarbox.grammar.jmap.references import unescape
from pillarbox.model.errors import MailError, NotFound, SyntaxProblem
from pillarbox.model.ids import MessageId
from pillarbox.model.keywords import FlagSet
from pillarbox.serve.jmap.email.objects import read_emails
from pillarbox.serve.jmap.email.where import mailboxes_of, named, read_mailboxes
from pillarbox.serve.jmap.method import Call, Json, SetProblem
from pillarbox.serve.jmap.standard.set import Outcomes, one_by_one

_CHANGING = ("keywords", "mailboxIds")


class Update(msgspec.Struct, frozen=True):
    """What a patch says. `is_exact`: keywords are written as we write them, so the client knows what it gets."""

    message_id: MessageId
    change: EmailChange
    is_exact: bool


async def update(call: Call, updates: Mapping[str, Json], span: Span) -> Outcomes[Json | None]:
    """All that can be, in few transactions. Raises: StateMoved."""

    async def read(id: str) -> Update:
        return await _read(call, id, updates[id])

    asked = await one_by_one(updates, read)
    changes = {one.message_id: one.change for one in asked.values() if isinstance(one, Update)}
    made = await call.mail.email_edits.change(call.account.id, changes, span) if changes else {}
    return {id: one if isinstance(one, Exception) else _outcome(one, made[one.message_id]) for id, one in asked.items()}


def _outcome(asked: Update, made: EmailNow | MailError) -> Json | Exception | None:
    """What turned out otherwise than the client said it."""
    if isinstance(made, MailError):
        return named(made)
    return None if asked.is_exact else {"keywords": keywords.format(made.flags)}


async def _read(call: Call, id: str, patch: Json) -> Update:
    """Raises: NotFound, SetProblem; Problem: requestTooLarge."""
    try:
        message_id = parse_email(id)
    except SyntaxProblem:
        raise NotFound("no such Email") from None
    try:
        steps = [(tuple(map(unescape, key.split("/"))), value) for key, value in patch.items()]
    except SyntaxProblem as problem:
        raise SetProblem("invalidPatch", f"expected {problem.expected}") from None
    others = dict.fromkeys(path[0] for path, _ in steps if path[0] not in _CHANGING)
    wrong = await _changed(call, message_id, patch, list(others))
    reader = _Reader(call)
    for path, value in steps:
        if path[0] in _CHANGING:
            try:
                reader.take(path, value)
            except SyntaxProblem:
                wrong.append(path[0])
    if wrong:
        raise SetProblem("invalidProperties", "not to be set, or not to this", properties=list(dict.fromkeys(wrong)))
    return Update(message_id, reader.change, reader.is_exact)


async def _changed(call: Call, message_id: MessageId, patch: Json, names: list[str]) -> list[str]:
    """Those of these properties, which may be sent but only as they are, that the patch would change; and whether it is
    one at all is found out.

    Raises: NotFound, SetProblem: invalidPatch.
    """
    current: Json = {name: {} for name in _CHANGING}
    known, unknown = _known(names)
    if known:
        wanted = parse_wanted(known, None, Values(all=True))
        found = await read_emails(call, call.account.id, [message_id], wanted)
        if message_id not in found:
            raise NotFound("no such Email")
        current.update(found[message_id])
    try:
        made = patches.apply(current, patch, defaults={"keywords": {}})
    except SyntaxProblem as problem:
        raise SetProblem("invalidPatch", f"expected {problem.expected}") from None
    return unknown + [name for name in known if not _is_same(name, made.get(name), current[name])]


def _known(names: list[str]) -> tuple[list[str], list[str]]:
    """The properties that an Email has, and what is none."""
    known: list[str] = []
    unknown: list[str] = []
    for name in names:
        try:
            parse_wanted([name])
            known.append(name)
        except SyntaxProblem:
            unknown.append(name)
    return known, unknown


def _is_same(name: str, sent: object, current: object) -> bool:
    """Of `bodyValues` a client has those that it asked for."""
    if name == "bodyValues" and isinstance(sent, dict) and isinstance(current, dict):
        return sent.items() <= current.items()
    return sent == current


class _Reader:
    """Gathers what the steps of one patch say of keywords and mailboxes."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.change = EmailChange()
        self.is_exact = True

    def take(self, path: tuple[str, ...], value: object) -> None:
        """One step; null is the default, or takes away (RFC 8620 §5.3). Raises: SyntaxProblem."""
        change = self.change
        fields: dict[str, object] = {}
        match path:
            case ("keywords",):
                fields["flags"] = FlagSet() if value is None else keywords.parse(value)
                self._note_names(value or ())
            case ("keywords", name) if value is None:
                with suppress(SyntaxProblem):  # what can be no keyword is not there to be taken away
                    fields["flags_removed"] = change.flags_removed | keywords.flags_of([name])
            case ("keywords", name):
                fields["flags_added"] = change.flags_added | keywords.parse({name: value})
                self._note_names([name])
            case ("mailboxIds",):
                fields["mailbox_ids"] = read_mailboxes(self._call, value)
            case (_, id) if value is None:
                with suppress(SyntaxProblem):
                    fields["mailboxes_removed"] = change.mailboxes_removed | mailboxes_of(self._call, [id])
            case (_, id):
                fields["mailboxes_added"] = change.mailboxes_added | read_mailboxes(self._call, {id: value})
        self.change = msgspec.structs.replace(change, **fields)

    def _note_names(self, names: object) -> None:
        if isinstance(names, dict | list) and any(name != name.lower() for name in names):
            self.is_exact = False
