"""What differs between the engines: type names in the DDL, lists as parameters, a search in octets.

All else is one text. A whole function of the store may be replaced for one engine: it is declared `replaceable`, and
the engine's dialect holds another of the same signature under its name in `replacements`. The contract suite and the
tests of the function run on whichever is used.
"""

import functools
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import msgspec

P = ParamSpec("P")
T = TypeVar("T")


class Dialect(msgspec.Struct, frozen=True):
    """Fragments of SQL for one engine."""

    name: str
    types: dict[str, str]
    """What stands for `{bigint}` and so on in the DDL; `strict_hot` marks small hot tables, `strict_rowid` others;
    `word_index` is a whole statement."""
    in_list: Callable[[int], str]
    """`in_list(2)` follows a column: `where uid {in_list(2)}`; its parameter is `list_value([...])`."""
    list_value: Callable[[Iterable[int]], Any]
    contains: Callable[[str, int], str]
    """Whether the octets of a column contain those of a parameter."""
    replacements: dict[str, Callable[..., Awaitable[Any]]] = {}


class HasDialect(Protocol):
    """A transaction or a database."""

    @property
    def dialect(self) -> Dialect:
        """Its engine's."""
        ...


Tx = TypeVar("Tx", bound=HasDialect)


def replaceable(
    function: Callable[Concatenate[Tx, P], Awaitable[T]],
) -> Callable[Concatenate[Tx, P], Awaitable[T]]:
    """Let the dialect of the transaction, the first parameter, have its own version of `function`."""
    name: str = getattr(function, "__name__", "")

    @functools.wraps(function)
    def chosen(tx: Tx, /, *arguments: P.args, **options: P.kwargs) -> Awaitable[T]:
        other = tx.dialect.replacements.get(name)
        return function(tx, *arguments, **options) if other is None else other(tx, *arguments, **options)

    return chosen


# Words come as they are to be kept, so the simplest tokenizer will do; which columns have a word is all that is asked.
# Merging is asked for in small pieces (`store.search`): what SQLite does by itself would fall on any transaction.
_FTS5 = """
create virtual table search_word using fts5 (
  from_field, to_field, cc_field, bcc_field, subject_field, body,
  content = '', contentless_delete = 1, detail = column, tokenize = "ascii tokenchars ':'"
)
"""

SQLITE = Dialect(
    name="sqlite",
    types={
        "bigint": "integer",
        "bytes": "blob",
        "text": "text",
        "strict_hot": "strict, without rowid",
        "strict_rowid": "strict",
        "word_index": _FTS5,
        "word_index_tuning": "insert into search_word (search_word, rank) values ('automerge', 0), ('crisismerge', 400)",
    },
    in_list=lambda n: f"in (select value from json_each(${n}))",
    list_value=lambda numbers: json.dumps(list(numbers)),
    contains=lambda column, n: f"instr({column}, ${n}) > 0",
)

POSTGRESQL = Dialect(
    name="postgresql",
    types={
        "bigint": "bigint",
        "bytes": "bytea",
        "text": 'text collate "C"',
        "strict_hot": "",
        "strict_rowid": "",
        "word_index": (
            "create table search_word (account_id bigint not null, message_id bigint not null, words tsvector not null, "
            "primary key (account_id, message_id))"
        ),
        "word_index_tuning": "create index search_word_words on search_word using gin (words)",
    },
    in_list=lambda n: f"= any(${n}::bigint[])",
    list_value=list,
    contains=lambda column, n: f"position(${n} in {column}) > 0",
)
