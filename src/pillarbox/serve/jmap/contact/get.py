"""ContactCard/get and ContactCard/changes (RFC 9610 §3.1, §3.2)."""

from collections.abc import Collection, Sequence

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap.ids import format_card
from pillarbox.grammar.jscontact.card import PROPERTIES
from pillarbox.grammar.jscontact.values import is_extension, is_registered_form
from pillarbox.model.contact import CardId
from pillarbox.serve.jmap.addressbook.objects import CONTACTS
from pillarbox.serve.jmap.contact.objects import OURS, card_id_of, object_of
from pillarbox.serve.jmap.method import Call, Json, Method, Problem
from pillarbox.serve.jmap.standard.changes import Changed, Changing, as_told, changes_method
from pillarbox.serve.jmap.standard.get import GetArguments, checked_ids

AT_ONCE = 50
"""Cards that are read in one look; between two of them others have their turn."""


async def state(call: Call) -> str:
    """Of all ContactCards."""
    return str(await call.mail.states.get(call.account.id, Kind.CONTACT))


def _wanted(given: Sequence[str] | None) -> Collection[str] | None:
    """None for all. A card may have properties that we do not know. Raises: Problem: invalidArguments."""
    if given is None:
        return None
    for name in given:
        is_known = name in PROPERTIES or name in OURS or is_extension(name) or is_registered_form(name)
        if not is_known:
            raise Problem("invalidArguments", f"there is no property {name[:200]!r}")
    return {"id", *given}


async def _all_ids(call: Call) -> list[str]:
    """Raises: Problem: requestTooLarge."""
    found = await call.mail.contacts.ids(call.account.id, 0, call.mail.limits.jmap_objects + 1)
    call.check_many(len(found))
    return [format_card(card_id) for card_id in found]


async def get(call: Call, arguments: GetArguments) -> Json:
    """What a card does not say is left out. The state is read before the cards."""
    account_id = call.check_account(arguments.account_id)
    wanted = _wanted(arguments.properties)
    given = checked_ids(call, arguments.ids)
    state_before = await state(call)
    ids = await _all_ids(call) if given is None else given
    found: dict[CardId, Json] = {}
    for start in range(0, len(ids), AT_ONCE):
        part = [card_id_of(id) for id in ids[start : start + AT_ONCE]]
        for card_id, stored in (await call.mail.contacts.get(account_id, part)).items():
            call.spend(stored.size_octets)
            value = object_of(stored)
            found[card_id] = value if wanted is None else {n: value[n] for n in value if n in wanted}
    return {
        "accountId": arguments.account_id,
        "state": state_before,
        "list": [found[card_id_of(id)] for id in ids if card_id_of(id) in found],
        "notFound": [id for id in given or () if card_id_of(id) not in found],
    }


async def changes(call: Call, since: int, most: int) -> Changed:
    """Of all ContactCards."""
    return as_told(await call.mail.contact_changes.since(call.account.id, Kind.CONTACT, since, most), format_card)


METHODS = (
    Method("ContactCard/get", CONTACTS, GetArguments, get),
    changes_method("ContactCard", CONTACTS, Changing(changes)),
)
