"""The filter of Email/query as a `model.query` (RFC 8621 §4.4.1).

A text is taken apart into words and quoted phrases, each of which must be found. The RFC leaves it open what finding
is, and names words (RFC 8621 §4.4.1): a word stands at the beginning of one of the message's words, a phrase stands for
whole words, in their order. A header field that is named is searched for any part of it.
"""

from collections.abc import Callable

from pillarbox.grammar.jmap import query_filter
from pillarbox.grammar.jmap.dates import parse_utc
from pillarbox.grammar.jmap.headers import is_field_name
from pillarbox.grammar.jmap.ids import parse_mailbox
from pillarbox.grammar.jmap.ijson import INT_LARGEST
from pillarbox.grammar.jmap.keywords import flags_of
from pillarbox.grammar.jmap.query_filter import both, tokens, tokens_and_phrases
from pillarbox.model import query
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.query import Query

_ANYWHERE = ("from", "to", "cc", "bcc", "subject")


def parse(value: object) -> Query:
    """The query; null finds all. Raises: UnsupportedFilter; SyntaxProblem, which is invalidArguments."""
    return query_filter.read(_CONDITIONS, value)


def _words_in(*fields: str, in_body: bool = False) -> Callable[[object], Query]:
    def read(value: object) -> Query:
        if not isinstance(value, str):
            raise SyntaxProblem("a string")
        return both(
            [query.HasWords(token, fields, in_body, is_phrase) for token, is_phrase in tokens_and_phrases(value)]
        )

    return read


def _header(value: object) -> Query:
    match value:
        case [str(name)] if is_field_name(name):
            return query.HasHeader(name, "")
        case [str(name), str(text)] if is_field_name(name):
            return both([query.HasHeader(name, token) for token in tokens(text)] or [query.HasHeader(name, "")])
        case _:
            raise SyntaxProblem("the name of a header field, and a text")


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= INT_LARGEST:
        raise SyntaxProblem("an UnsignedInt")
    return value


def _mailbox(value: object) -> query.InMailbox:
    if not isinstance(value, str):
        raise SyntaxProblem("an Id")
    return query.InMailbox(parse_mailbox(value))


def _other_mailbox(value: object) -> Query:
    if not isinstance(value, list):
        raise SyntaxProblem("an array of Ids")
    return query.InOtherMailbox(tuple(_mailbox(item).mailbox_id for item in value))


def _has_attachment(value: object) -> Query:
    if not isinstance(value, bool):
        raise SyntaxProblem("a boolean")
    return query.HasAttachment() if value else query.Not(query.HasAttachment())


_CONDITIONS: dict[str, Callable[[object], Query]] = {
    "inMailbox": _mailbox,
    "inMailboxOtherThan": _other_mailbox,
    "before": lambda value: query.ReceivedAt(before=parse_utc(value)),
    "after": lambda value: query.ReceivedAt(since=parse_utc(value)),
    "minSize": lambda value: query.Larger(_size(value) - 1),
    "maxSize": lambda value: query.Smaller(_size(value)),
    "allInThreadHaveKeyword": lambda value: query.ThreadHasFlags(flags_of([value]), every=True),
    "someInThreadHaveKeyword": lambda value: query.ThreadHasFlags(flags_of([value])),
    "noneInThreadHaveKeyword": lambda value: query.Not(query.ThreadHasFlags(flags_of([value]))),
    "hasKeyword": lambda value: query.HasFlags(flags_of([value])),
    "notKeyword": lambda value: query.Not(query.HasFlags(flags_of([value]))),
    "hasAttachment": _has_attachment,
    "text": _words_in(*_ANYWHERE, in_body=True),
    "from": _words_in("from"),
    "to": _words_in("to"),
    "cc": _words_in("cc"),
    "bcc": _words_in("bcc"),
    "subject": _words_in("subject"),
    "body": _words_in(in_body=True),
    "header": _header,
}
