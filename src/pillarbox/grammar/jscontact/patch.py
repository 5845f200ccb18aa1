"""PatchObject of JSContact: what `localizations` say (RFC 9553 §1.4.3, §2.7.1).

As JMAP's (`grammar.jmap.patch`), but a path may lead through an array, or to a member that is there.
"""

from itertools import pairwise

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jmap.references import unescape
from pillarbox.model.errors import SyntaxProblem

Path = tuple[str, ...]
Node = dict[str, object] | list[object]


def apply(target: JsonObject, patch: object) -> JsonObject:
    """The object after the patch, which shares with the one before what it leaves alone. Raises: SyntaxProblem."""
    if not isinstance(patch, dict):
        raise SyntaxProblem("a PatchObject")
    changes: dict[Path, object] = {tuple(map(unescape, key.split("/"))): value for key, value in patch.items()}
    paths = sorted(changes)
    # In order, a path that begins others stands right before the first of them.
    if any(later[: len(earlier)] == earlier for earlier, later in pairwise(paths)):
        raise SyntaxProblem("no path that begins another")
    made: JsonObject = dict(target)
    copied: dict[Path, Node] = {(): made}
    for path in paths:
        _set(_parent(copied, path), path[-1], changes[path])
    return made


def _set(parent: Node, name: str, value: object) -> None:
    if isinstance(parent, list):
        if value is None:
            raise SyntaxProblem("no null for a member of an array")
        parent[_index(parent, name)] = value
    elif value is None:
        parent.pop(name, None)
    else:
        parent[name] = value


def _index(array: list[object], name: str) -> int:
    if not name.isascii() or not name.isdecimal() or len(name) > 6 or int(name) >= len(array):
        raise SyntaxProblem("the index of a member that is there")
    return int(name)


def _parent(copied: dict[Path, Node], path: Path) -> Node:
    """What holds the last token, as the new object's own. Raises: SyntaxProblem."""
    parent = copied[()]
    for length in range(1, len(path)):
        known = copied.get(path[:length])
        if known is None:
            known = copied[path[:length]] = _own(parent, path[length - 1])
        parent = known
    return parent


def _own(parent: Node, name: str) -> Node:
    """A copy of a member in its place."""
    found = parent[_index(parent, name)] if isinstance(parent, list) else parent.get(name)
    made: Node
    if isinstance(found, dict):
        made = dict(found)
    elif isinstance(found, list):
        made = list(found)
    else:
        raise SyntaxProblem("a path whose parents are there")
    _set(parent, name, made)
    return made
