"""AddressBook/set (RFC 9610 §2.3)."""

from collections.abc import Mapping, Sequence

from pillarbox.core.feed.states import Kind, Span
from pillarbox.core.people.address_books import HasCards
from pillarbox.grammar.jmap.ids import format_book
from pillarbox.model.contact import AddressBook, BookId
from pillarbox.model.errors import Invalid, NotFound, TooLarge
from pillarbox.serve.jmap.addressbook.objects import (
    CONTACTS,
    DEFAULTS,
    PROPERTIES,
    SERVER_SET,
    book_id_of,
    object_of,
    state,
)
from pillarbox.serve.jmap.method import Call, Json, Method, SetProblem
from pillarbox.serve.jmap.standard import set as standard
from pillarbox.serve.jmap.standard.set import Outcomes, SetArguments, Setting, one_by_one, patched, span_of

SORT_ORDERS = range(2**31)
NAME = "AddressBook/set"


class AddressBookSet(SetArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 9610 §2.3."""

    on_destroy_remove_contents: bool = False
    on_success_set_is_default: str | None = None


def _book(value: Json) -> AddressBook:
    """What the object says of the book. Raises: SetProblem, with all properties that are wrong."""
    wrong = []
    name, description = value.get("name"), value.get("description")
    sort_order, subscribed = value.get("sortOrder"), value.get("isSubscribed")
    if not isinstance(name, str) or not name or "\0" in name:
        wrong.append("name")
    if not isinstance(description, str | None) or "\0" in (description or ""):
        wrong.append("description")
    if isinstance(sort_order, bool) or not isinstance(sort_order, int) or sort_order not in SORT_ORDERS:
        wrong.append("sortOrder")
    if not isinstance(subscribed, bool):
        wrong.append("isSubscribed")
    if wrong:
        raise SetProblem("invalidProperties", properties=wrong)
    if value.get("shareWith") is not None:
        raise SetProblem("forbidden", "address books are not shared here")
    return AddressBook(BookId(0), str(name), description, int(str(sort_order)), bool(subscribed))


class _Setter:
    """Carries out one call."""

    def __init__(self, span: Span) -> None:
        self.span = span

    async def create(self, call: Call, arguments: AddressBookSet, creations: Mapping[str, Json]) -> Outcomes[Json]:
        async def one(creation_id: str) -> Json:
            given = creations[creation_id]
            wrong = [name for name in given if name in SERVER_SET or name not in PROPERTIES]
            if wrong:
                raise SetProblem("invalidProperties", "not to be set, or unknown", properties=wrong)
            try:
                book = await call.mail.address_books.add(call.account.id, _book({**DEFAULTS, **given}), span=self.span)
            except (Invalid, TooLarge) as error:
                raise _too_long(error) from None
            call.created_ids[creation_id] = format_book(book.id)
            return {name: value for name, value in object_of(book).items() if name not in given}

        return await one_by_one(creations, one)

    async def update(self, call: Call, arguments: AddressBookSet, updates: Mapping[str, Json]) -> Outcomes[Json | None]:
        async def one(id: str) -> Json | None:
            def edit(book: AddressBook) -> AddressBook:
                return _book(patched(object_of(book), updates[id], server_set=SERVER_SET, defaults=DEFAULTS))

            try:
                await call.mail.address_books.change(call.account.id, book_id_of(id), edit, span=self.span)
            except (Invalid, TooLarge) as error:
                raise _too_long(error) from None
            return None

        return await one_by_one(updates, one)

    async def destroy(self, call: Call, arguments: AddressBookSet, ids: Sequence[str]) -> Outcomes[None]:
        async def one(id: str) -> None:
            try:
                await call.mail.address_books.remove(
                    call.account.id, book_id_of(id), with_cards=arguments.on_destroy_remove_contents, span=self.span
                )
            except HasCards as error:
                raise SetProblem("addressBookHasContents", error.text) from None

        return await one_by_one(ids, one)


def _too_long(error: Invalid | TooLarge) -> SetProblem:
    return SetProblem(
        "invalidProperties", error.text, properties=["description" if "description" in error.text else "name"]
    )


async def _set_default(call: Call, text: str, span: Span, response: Json) -> None:
    """What cannot be found or done is ignored (RFC 9610 §2.3)."""
    book_id = book_id_of(call.resolve(text))
    try:
        before = await call.mail.address_books.set_default(call.account.id, book_id, span=span)
    except NotFound:
        return
    if before is None:
        return
    for one, is_default in ((before.id, False), (book_id, True)):
        book = object_of(AddressBook(one, "", is_default=is_default))
        id, changed = book["id"], {name: book[name] for name in ("isDefault", "myRights")}
        made = next((value for value in (response["created"] or {}).values() if value["id"] == id), None)
        if made is not None:
            made.update(changed)
        else:
            response["updated"] = {**(response["updated"] or {}), id: changed}
    # Somebody else may have written between the two transactions: that is not between these states (`Span`).
    response["oldState"], response["newState"] = str(span.before), str(span.after)


async def set(call: Call, arguments: AddressBookSet) -> Json:
    """All changes, then, if nothing failed, which one is the default."""
    setter = _Setter(span_of(Kind.ADDRESS_BOOK, arguments.if_in_state))
    setting = Setting(state, setter.create, setter.update, setter.destroy)
    response = await standard.set(call, arguments, setting, method=NAME, span=setter.span)
    wanted = arguments.on_success_set_is_default
    if wanted is not None and not any(response[name] for name in ("notCreated", "notUpdated", "notDestroyed")):
        await _set_default(call, wanted, setter.span, response)
    return response


METHODS = (Method(NAME, CONTACTS, AddressBookSet, set),)
