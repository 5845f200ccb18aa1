"""Messages of a mailbox in an order, or in conversations (RFC 5256 §3, RFC 5957 §3).

All is read in short pages, from what was kept at delivery. Others have their turn between the pages, and between the
pieces of what is computed at the end.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pillarbox.core.finding.forest import Letter, by_references, by_subject
from pillarbox.core.finding.pieces import PIECE, Pieces, in_order, in_turns
from pillarbox.grammar.message import address_list, charset, encoded_word, header
from pillarbox.grammar.message.collation import collation_key
from pillarbox.grammar.message.date import parse as parse_date
from pillarbox.grammar.message.message_id import parse_ids, without_quotes
from pillarbox.grammar.message.part import Part, unpack
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.grammar.message.subject import base_subject
from pillarbox.model.arrangement import Criterion, Forest, SortBy, Threading
from pillarbox.model.errors import NotFound, SyntaxProblem
from pillarbox.model.ids import AccountId, BlobId, MailboxId
from pillarbox.store import arrangement as rows
from pillarbox.store import contents as content_rows
from pillarbox.store.base import Blobs, Database, Row
from pillarbox.store.moment import micros
from pillarbox.store.runs import runs

PAGE = 100
SLICE = 10_000
FIRST_ADDRESS_OCTETS = 4_096
"""Of a field of addresses, which may name thousands; the first one counts."""
REFERENCES_MOST = 100
"""Of a longer list the newest count; programs cut it as well (RFC 5256 §3, step 1)."""

Envelope = tuple[bytes | None, ...]
_DATE, _SUBJECT, _FROM, _TO, _CC, _IN_REPLY_TO, _MESSAGE_ID = (
    ENVELOPE_FIELDS.index(name) for name in (b"date", b"subject", b"from", b"to", b"cc", b"in-reply-to", b"message-id")
)
_NO_ENVELOPE: Envelope = (None,) * len(ENVELOPE_FIELDS)


class Arrangements:
    """Puts messages in order."""

    def __init__(self, db: Database, blobs: Blobs) -> None:
        self._db = db
        self._blobs = blobs

    async def sort(
        self, account_id: AccountId, mailbox_id: MailboxId, uids: Sequence[int], orders: Sequence[SortBy]
    ) -> list[int]:
        """Those of `uids` (rising) that are there, in the order asked for."""
        wanted = {one.criterion: one.is_reverse for one in reversed(orders)}  # of one that comes twice the first counts
        criteria = list(dict.fromkeys(one.criterion for one in orders))
        columns: list[list[Any]] = [[] for _ in criteria]
        found: list[int] = []
        read = rows.sizes_page if wanted.keys() <= _FROM_ROWS else rows.envelopes_page
        for low, high, part in runs(uids, chunk=PAGE):
            async with self._db.read(account_id) as tx:
                page = _only(await read(tx, account_id, mailbox_id, low, high), part)
            envelopes = [_envelope(row) for row in page]
            found += [row[0] for row in page]
            for criterion, column in zip(criteria, columns, strict=True):
                value_of = VALUES[criterion]
                column += [value_of(row, envelope) for row, envelope in zip(page, envelopes, strict=True)]
            await asyncio.sleep(0)
        reverse = [wanted[criterion] for criterion in criteria]
        return await in_turns(_sorted(found, columns, reverse))

    async def thread(
        self, account_id: AccountId, mailbox_id: MailboxId, uids: Sequence[int], threading: Threading
    ) -> Forest:
        """Those of `uids` (rising) that are there, as conversations; their numbers are UIDs."""
        letters: list[Letter] = []
        for low, high, part in runs(uids, chunk=PAGE):
            async with self._db.read(account_id) as tx:
                page = _only(await rows.envelopes_page(tx, account_id, mailbox_id, low, high), part)
            if threading is Threading.ORDERED_SUBJECT:
                letters += [_letter(row, unpack(row[3])) for row in page]
            else:
                letters += [await self._answering(account_id, row) for row in page]
            await asyncio.sleep(0)
        if threading is Threading.ORDERED_SUBJECT:
            found = await in_turns(by_subject(letters))
        else:
            found = await in_turns(by_references(letters))
        while letters:  # to let go of them takes its time as well
            del letters[-PIECE:]
            await asyncio.sleep(0)
        return found

    async def _answering(self, account_id: AccountId, row: Row) -> Letter:
        """With what it says of itself, and whom it answers."""
        part = unpack(row[3])
        envelope = part.envelope or _NO_ENVELOPE
        said = part.references
        if said is None:
            said = header.first(await self._header(account_id, BlobId(row[4]), part), 0, part.body, b"references")
        names = parse_ids(envelope[_MESSAGE_ID] or b"")[:1]
        answered = parse_ids(said or b"")[-REFERENCES_MOST:] or parse_ids(envelope[_IN_REPLY_TO] or b"")[:1]
        return _letter(row, part, names, answered)

    async def _header(self, account_id: AccountId, blob: BlobId, part: Part) -> bytes:
        """Of a message that came before References was kept; nothing of one that is gone."""
        async with self._db.read(account_id) as tx:
            inline = await content_rows.inline_content(tx, account_id, blob)
        if inline is not None:
            return inline[: part.body]
        try:
            reader = await self._blobs.open(blob)
        except NotFound:
            return b""
        try:
            return await reader.read(0, part.body)
        finally:
            reader.close()


def _only(page: list[Row], part: Sequence[int]) -> list[Row]:
    if part[-1] - part[0] < len(part):  # all that lies between is wanted
        return page
    wanted = frozenset(part)
    return [row for row in page if row[0] in wanted]


def _envelope(row: Row) -> Envelope:
    return (unpack(row[3]).envelope if len(row) > 3 else ()) or _NO_ENVELOPE


def _sorted(uids: Sequence[int], columns: Sequence[list[Any]], reverse: Sequence[bool]) -> Pieces[list[int]]:
    """By the last column first: each sort keeps what it finds equal in its place, reversed or not."""
    order = list(range(len(uids)))
    for column, is_reverse in zip(reversed(columns), reversed(reverse), strict=True):
        order = yield from in_order(order, column.__getitem__, reverse=is_reverse)
    found: list[int] = []
    for start in range(0, len(order), SLICE):
        yield
        found += [uids[place] for place in order[start : start + SLICE]]
    return found


# --- what is compared ------------------------------------------------------------------------------------------------


def sent_at(received: int, value: bytes | None) -> int:
    """The moment of the Date field, in microseconds; when it says none, that of arrival (RFC 5256 §2.2)."""
    try:
        return received if value is None else micros(parse_date(value))
    except (SyntaxProblem, OverflowError):
        return received


def _first(value: bytes | None) -> address_list.EnvelopeAddress | None:
    found = address_list.parse_raw(value[:FIRST_ADDRESS_OCTETS]) if value else None
    return found[0] if found else None


def mailbox_of(value: bytes | None) -> str:
    """The left side of the first address (RFC 5256 §3)."""
    first = _first(value)
    return "" if first is None else collation_key(_text(first.mailbox))


def display_of(value: bytes | None) -> str:
    """The name of the first address, or the address (RFC 5957 §3)."""
    first = _first(value)
    if first is None:
        return ""
    name = encoded_word.decode(first.name).strip() if first.name else ""
    if not name:
        name = _text(first.mailbox) if first.host is None else f"{_text(first.mailbox)}@{_text(first.host)}"
    return collation_key(name)


def _text(octets: bytes | None) -> str:
    return charset.decode(octets or b"", "utf-8")


VALUES: dict[Criterion, Callable[[Row, Envelope], Any]] = {
    Criterion.ARRIVAL: lambda row, envelope: row[1],
    Criterion.SIZE: lambda row, envelope: row[2],
    Criterion.DATE: lambda row, envelope: sent_at(row[1], envelope[_DATE]),
    Criterion.SUBJECT: lambda row, envelope: collation_key(base_subject(envelope[_SUBJECT] or b"")),
    Criterion.FROM: lambda row, envelope: mailbox_of(envelope[_FROM]),
    Criterion.TO: lambda row, envelope: mailbox_of(envelope[_TO]),
    Criterion.CC: lambda row, envelope: mailbox_of(envelope[_CC]),
    Criterion.DISPLAY_FROM: lambda row, envelope: display_of(envelope[_FROM]),
    Criterion.DISPLAY_TO: lambda row, envelope: display_of(envelope[_TO]),
}
_FROM_ROWS = {Criterion.ARRIVAL, Criterion.SIZE}


def _letter(row: Row, part: Part, names: Sequence[str] = (), answered: Sequence[str] = ()) -> Letter:
    envelope = part.envelope or _NO_ENVELOPE
    return Letter(
        row[0],
        sent_at(row[1], envelope[_DATE]),
        without_quotes(names[0]) if names else "",
        tuple(map(without_quotes, answered)),
        envelope[_SUBJECT] or b"",
    )
