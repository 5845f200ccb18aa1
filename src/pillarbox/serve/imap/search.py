"""SEARCH (RFC 3501 §6.4.4, RFC 4731 §3.1): what only a session knows is put into its own numbers, the rest is core's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.commands.search import Search
from pillarbox.grammar.imap.responses.search import format_found, format_search
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
    uids = await find(session, command.query)
    numbers = uids if command.by_uid else await numbers_of(session, uids)
    if command.returns is None:
        await send_pieces(session, format_search(numbers))
    else:
        await send_pieces(session, format_found(tag, numbers, command.returns, by_uid=command.by_uid))
    await selected.tell(session, expunges=command.by_uid)
    return Status(tag, "OK", "SEARCH completed")


async def send_pieces(session: ImapSession, pieces: Iterator[bytes]) -> None:
    """One long line: for SEARCH, SORT and THREAD."""
    for piece in pieces:
        session.send(piece)
        await session.pace()


async def find(session: ImapSession, criteria: Query) -> list[int]:
    """The UIDs of what fits, rising: for SEARCH, SORT and THREAD."""
    selected = session.view
    resolve = _Resolver(selected)
    await resolve.look_up(session, criteria)
    return await session.mail.search.find(session.owner.id, selected.view, resolve(criteria))


def _terms(criteria: Query) -> Iterator[Query]:
    match criteria:
        case query.And(terms) | query.Or(terms):
            for term in terms:
                yield from _terms(term)
        case query.Not(term):
            yield from _terms(term)
        case _:
            yield criteria


class _Resolver:
    """Makes UIDs of numbers, `*`, \\Recent and object identifiers."""

    def __init__(self, selected: Selected) -> None:
        self._selected = selected
        self._messages: dict[int, list[int]] = {}
        self._threads: dict[int, list[int]] = {}

    async def look_up(self, session: ImapSession, criteria: Query) -> None:
        """Find all object identifiers at once: a client may ask for many (RFC 8474 §8.3)."""
        messages = {term.message_id for term in _terms(criteria) if isinstance(term, query.IsMessage)}
        threads = {term.thread_id for term in _terms(criteria) if isinstance(term, query.InThread)}
        where, place = session.mail.whereabouts, (session.owner.id, self._selected.mailbox_id)
        if messages:
            self._messages = await where.uids_of_messages(*place, messages)
        if threads:
            self._threads = await where.uids_in_threads(*place, threads)

    def __call__(self, term: Query) -> Query:
        view = self._selected.view
        match term:
            case query.Numbers(numbers):
                return _uids(list(view.numbers_in(numbers)))
            case query.Uids(numbers):
                return query.Uids(SequenceSet(numbers.resolve(view.largest_uid)))
            case query.IsRecent():
                return _uids([uid for uid in view.recent if view.number_of(uid) is not None])
            case query.IsMessage(message_id):
                return _uids(self._messages.get(message_id, []))
            case query.InThread(thread_id):
                return _uids(self._threads.get(thread_id, []))
            case query.And(terms):
                return query.And(tuple(map(self, terms)))
            case query.Or(terms):
                return query.Or(tuple(map(self, terms)))
            case query.Not(inner):
                return query.Not(self(inner))
        return term


def _uids(uids: list[int]) -> Query:
    if not uids:
        return query.Not(query.All())
    return query.Uids(SequenceSet(sequence_set.of_numbers(uids).ranges))
