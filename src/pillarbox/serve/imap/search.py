"""SEARCH (RFC 3501 §6.4.4): what only a session knows is put into its own numbers, the rest is core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.commands.search import Search
from pillarbox.grammar.imap.responses.search import format_search
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model import query
from pillarbox.model.query import Query
from pillarbox.model.sequence_set import SequenceSet
from pillarbox.serve.imap.numbers import numbers_of
from pillarbox.serve.imap.selected import Selected

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession


async def search(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """UIDs or numbers of what was found; no EXPUNGE meanwhile (RFC 9051 §7.5.1)."""
    assert isinstance(command, Search)
    selected = session.view
    uids = await session.mail.search.find(session.owner.id, selected.view, _resolve(selected, command.query))
    session.send(format_search(uids if command.by_uid else numbers_of(selected, uids)))
    await selected.tell(session, expunges=command.by_uid)
    return Status(tag, "OK", "SEARCH completed")


def _resolve(selected: Selected, term: Query) -> Query:
    """Numbers, `*` and \\Recent become UIDs."""
    match term:
        case query.Numbers(numbers):
            return _uids(list(selected.view.numbers_in(numbers)))
        case query.Uids(numbers):
            return query.Uids(SequenceSet(numbers.resolve(selected.view.largest_uid)))
        case query.IsRecent():
            return _uids([uid for uid in selected.view.recent if selected.view.number_of(uid) is not None])
        case query.And(terms):
            return query.And(tuple(_resolve(selected, inner) for inner in terms))
        case query.Or(terms):
            return query.Or(tuple(_resolve(selected, inner) for inner in terms))
        case query.Not(inner):
            return query.Not(_resolve(selected, inner))
    return term


def _uids(uids: list[int]) -> Query:
    if not uids:
        return query.Not(query.All())
    return query.Uids(SequenceSet(sequence_set.of_numbers(uids).ranges))
