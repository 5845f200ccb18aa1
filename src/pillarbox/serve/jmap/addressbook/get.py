"""AddressBook/get and AddressBook/changes (RFC 9610 §2.1, §2.2)."""

from collections.abc import Sequence

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap.ids import format_book
from pillarbox.serve.jmap.addressbook.objects import CONTACTS, PROPERTIES, object_of, state
from pillarbox.serve.jmap.method import Call, Json
from pillarbox.serve.jmap.standard.changes import Changed, Changing, as_told, changes_method
from pillarbox.serve.jmap.standard.get import Getting, Properties, get_method


async def fetch(call: Call, ids: Sequence[str] | None, wanted: Properties) -> dict[str, Json]:
    """Those that there are of `ids`, or all."""
    made = map(object_of, await call.mail.address_books.list(call.account.id))
    return {value["id"]: value for value in made if ids is None or value["id"] in ids}


async def changes(call: Call, since: int, most: int) -> Changed:
    """Of all AddressBooks."""
    return as_told(await call.mail.contact_changes.since(call.account.id, Kind.ADDRESS_BOOK, since, most), format_book)


METHODS = (
    get_method("AddressBook", CONTACTS, Getting(state, fetch, PROPERTIES)),
    changes_method("AddressBook", CONTACTS, Changing(changes)),
)
