"""ContactCard/set and ContactCard/copy (RFC 9610 §3.5, §3.6)."""

from collections.abc import Mapping, Sequence

from pillarbox.core.feed.states import Kind, Span
from pillarbox.core.people.contacts import CardDraft, Edit, NoSuchBook, NoSuchContent, UidTaken
from pillarbox.grammar.jmap import patch as patches
from pillarbox.grammar.jmap.ids import format_card
from pillarbox.grammar.jscontact.card import InvalidCard
from pillarbox.model.contact import CardId, StoredCard
from pillarbox.model.errors import MailError, NotFound, SyntaxProblem
from pillarbox.serve.jmap.addressbook.objects import CONTACTS
from pillarbox.serve.jmap.contact.get import state
from pillarbox.serve.jmap.contact.media import find_media
from pillarbox.serve.jmap.contact.objects import Medium, card_id_of, draft_of, object_of
from pillarbox.serve.jmap.method import Call, Json, Method, SetProblem
from pillarbox.serve.jmap.standard import set as standard
from pillarbox.serve.jmap.standard.copy import copy_method
from pillarbox.serve.jmap.standard.set import Outcomes, SetArguments, Setting, span_of

NAME = "ContactCard/set"


def _problem(error: Exception) -> Exception:
    """Which properties are to blame, where some are."""
    match error:
        case InvalidCard():
            return SetProblem("invalidProperties", properties=error.paths)
        case UidTaken():
            properties = ["uid"]
        case NoSuchBook():
            properties = ["addressBookIds"]
        case NoSuchContent():
            properties = ["media"]
        case _:
            return error
    return SetProblem("invalidProperties", str(error), properties=properties)


def _more(stored: StoredCard, asked: Json) -> Json:
    """What is not as it was asked for."""
    return {name: value for name, value in object_of(stored).items() if name not in asked or asked[name] != value}


def _patched(current: Json, patch: Json) -> Json:
    """Raises: SetProblem."""
    try:
        made = patches.apply(current, patch)
    except SyntaxProblem as problem:
        raise SetProblem("invalidPatch", f"expected {problem.expected}") from None
    if made.get("id") != current["id"]:
        raise SetProblem("invalidProperties", "not to be set", properties=["id"])
    return made


class _Setter:
    """Carries out one call."""

    def __init__(self, span: Span) -> None:
        self.span = span

    async def create(self, call: Call, arguments: SetArguments, creations: Mapping[str, Json]) -> Outcomes[Json]:
        books = await call.mail.address_books.list(call.account.id)
        default = next(book.id for book in books if book.is_default)
        outcomes: dict[str, Json | Exception] = {}
        drafts: dict[str, CardDraft] = {}
        for creation_id, given in creations.items():
            try:
                if "id" in given:
                    raise SetProblem("invalidProperties", "not to be set", properties=["id"])
                drafts[creation_id] = draft_of(call, given, await find_media(call, given), default)
            except (SetProblem, MailError) as problem:
                outcomes[creation_id] = problem
        for creation_id, made in (await call.mail.contacts.add(call.account.id, drafts, span=self.span)).items():
            if isinstance(made, StoredCard):
                call.created_ids[creation_id] = format_card(made.id)
                outcomes[creation_id] = _more(made, creations[creation_id])
            else:
                outcomes[creation_id] = _problem(made)
        return {creation_id: outcomes[creation_id] for creation_id in creations}

    async def update(self, call: Call, arguments: SetArguments, updates: Mapping[str, Json]) -> Outcomes[Json | None]:
        outcomes: dict[str, Json | Exception | None] = {}
        known = await call.mail.contacts.get(call.account.id, map(card_id_of, updates))
        edits: dict[CardId, _Edit] = {}
        for id, patch in updates.items():
            stored = known.get(card_id_of(id))
            try:
                if stored is None:
                    raise NotFound("no such card")
                media = await find_media(call, _patched(object_of(stored), patch), stored)
                edits[stored.id] = _Edit(call, patch, media)
            except (SetProblem, MailError) as problem:
                outcomes[id] = problem
        wanted: dict[CardId, Edit] = dict(edits)
        changed = await call.mail.contacts.change(call.account.id, wanted, span=self.span)
        for card_id, made in changed.items():
            outcomes[format_card(card_id)] = (
                _more(made, edits[card_id].asked) or None if isinstance(made, StoredCard) else _problem(made)
            )
        return {id: outcomes[id] for id in updates}

    async def destroy(self, call: Call, arguments: SetArguments, ids: Sequence[str]) -> Outcomes[None]:
        removed = await call.mail.contacts.remove(call.account.id, dict.fromkeys(map(card_id_of, ids)), span=self.span)
        return {id: removed[card_id_of(id)] for id in ids}


class _Edit:
    """A patch on a card as it stands when it is written; `asked` is then what the client wants."""

    def __init__(self, call: Call, patch: Json, media: Mapping[str, Medium]) -> None:
        self._call = call
        self._patch = patch
        self._media = media
        self.asked: Json = {}

    def __call__(self, stored: StoredCard) -> CardDraft | Exception:
        try:
            self.asked = _patched(object_of(stored), self._patch)
            return draft_of(self._call, self.asked, self._media)
        except SetProblem as problem:
            return problem


async def set(call: Call, arguments: SetArguments) -> Json:
    """Many at once, in few transactions."""
    setter = _Setter(span_of(Kind.CONTACT, arguments.if_in_state))
    setting = Setting(state, setter.create, setter.update, setter.destroy)
    return await standard.set(call, arguments, setting, method=NAME, span=setter.span)


METHODS = (Method(NAME, CONTACTS, SetArguments, set), copy_method("ContactCard", CONTACTS))
