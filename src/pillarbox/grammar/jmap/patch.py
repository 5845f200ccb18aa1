"""PatchObject: how an update says what changes (RFC 8620 §5.3).

    {"name": "Work", "keywords/$seen": true, "mailboxIds/m5": null}

Each key is a JSON Pointer (RFC 6901) without its first slash. The object that is patched is never changed: the new one
shares with it what the patch leaves alone.
"""

from collections.abc import Mapping
from itertools import pairwise

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jmap.references import unescape
from pillarbox.model.errors import SyntaxProblem

Path = tuple[str, ...]

_NO_DEFAULTS: Mapping[str, object] = {}


def apply(target: JsonObject, patch: object, *, defaults: Mapping[str, object] = _NO_DEFAULTS) -> JsonObject:
    """The object after the patch; null gives a property its default, or takes it away where it has none.

    Raises: SyntaxProblem, which is invalidPatch.
    """
    if not isinstance(patch, dict):
        raise SyntaxProblem("a PatchObject")
    changes = {tuple(map(unescape, key.split("/"))): value for key, value in patch.items()}
    paths = sorted(changes)
    # In order, a path that begins others stands right before the first of them.
    if any(later[: len(earlier)] == earlier for earlier, later in pairwise(paths)):
        raise SyntaxProblem("no path that begins another")
    made = dict(target)
    copied: dict[Path, JsonObject] = {(): made}
    for path in paths:
        parent, name, value = _parent(copied, path), path[-1], changes[path]
        if value is not None:
            parent[name] = value
        elif len(path) == 1 and name in defaults:
            parent[name] = defaults[name]
        else:
            parent.pop(name, None)
    return made


def _parent(copied: dict[Path, JsonObject], path: Path) -> JsonObject:
    """The object that holds the last token, as the new object's own. Raises: SyntaxProblem."""
    parent = copied[()]
    for length in range(1, len(path)):
        known = copied.get(path[:length])
        if known is None:
            found = parent.get(path[length - 1])
            if isinstance(found, list):
                raise SyntaxProblem("no path into an array")
            if not isinstance(found, dict):
                raise SyntaxProblem("a path whose parents are there")
            known = copied[path[:length]] = parent[path[length - 1]] = dict(found)
        parent = known
    return parent
