"""What differs between the engines: type names in the DDL, lists as parameters, a search in octets.

All else is one text. A function of the store may be replaced for one engine by registering another under the same
name in `replacements`; the contract suite runs on whichever is used.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec


class Dialect(msgspec.Struct, frozen=True):
    """Fragments of SQL for one engine."""

    name: str
    types: dict[str, str]
    in_list: Callable[[int], str]
    """`in_list(2)` follows a column: `where uid {in_list(2)}`; its parameter is `list_value([...])`."""
    list_value: Callable[[Iterable[int]], Any]
    contains: Callable[[str, int], str]
    """Whether the octets of a column contain those of a parameter."""
    replacements: dict[str, Any] = {}


SQLITE = Dialect(
    name="sqlite",
    types={
        "bigint": "integer",
        "bytes": "blob",
        "text": "text",
        "strict_hot": "strict, without rowid",
        "strict_rowid": "strict",
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
    },
    in_list=lambda n: f"= any(${n}::bigint[])",
    list_value=list,
    contains=lambda column, n: f"position(${n} in {column}) > 0",
)
