"""ContactCard/query and ContactCard/queryChanges (RFC 9610 §3.3, §3.4)."""

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap import contacts
from pillarbox.grammar.jmap.ids import format_card, parse_card
from pillarbox.model.contact import CardOrder
from pillarbox.model.query import Query
from pillarbox.serve.jmap.addressbook.objects import CONTACTS
from pillarbox.serve.jmap.method import Call
from pillarbox.serve.jmap.standard.query import Find, Found, Moved, Querying, query_methods


def _asked(arguments: Find) -> tuple[Query, tuple[CardOrder, ...]]:
    """Raises: UnsupportedFilter, UnsupportedSort, SyntaxProblem."""
    return contacts.parse_filter(arguments.filter), contacts.parse_sort(arguments.sort)


async def find(call: Call, arguments: Find) -> Found:
    """All that fit."""
    query, orders = _asked(arguments)
    found = await call.mail.contact_queries.find(call.account.id, query, orders)
    return Found(found.ids, str(found.state))


async def moved(call: Call, arguments: Find, since: int) -> Moved:
    """All that changed. A new card, whose id is the mod-sequence of its making, was in no result before."""
    changed = await call.mail.contact_changes.since(call.account.id, Kind.CONTACT, since)
    before = frozenset((*changed.updated, *changed.destroyed))
    return Moved(before, before | frozenset(changed.created))


METHODS = query_methods("ContactCard", CONTACTS, Querying(find, moved, format_card, parse_card))
