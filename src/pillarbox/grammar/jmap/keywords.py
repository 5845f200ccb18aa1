r"""Keywords of Emails, and the flags of IMAP that they are (RFC 8621 §4.1.1); both ways.

`$draft`, `$seen`, `$flagged`, `$answered` are `\Draft` and so on. `\Deleted` and `\Recent` have no name here, and
`$recent` is no keyword (RFC 8621 §10.4.5).
"""

import re
from collections.abc import Iterable

from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.keywords import DELETED, FlagSet

_KEYWORD = re.compile(r"[!#$&'+-\[^-z|}~]{1,255}")
"""%x21-%x7e without ( ) { ] % * " \\, as RFC 8621 §4.1.1 lists them."""
_FLAGS = {"$draft": "\\Draft", "$seen": "\\Seen", "$flagged": "\\Flagged", "$answered": "\\Answered"}
_NAMES = {flag: keyword for keyword, flag in _FLAGS.items()}


def flags_of(keywords: Iterable[object]) -> FlagSet:
    """The flags that are these keywords, in any case. Raises: SyntaxProblem."""
    names = []
    for keyword in keywords:
        if not isinstance(keyword, str) or _KEYWORD.fullmatch(keyword) is None or keyword.lower() == "$recent":
            raise SyntaxProblem("a keyword")
        names.append(_FLAGS.get(keyword.lower(), keyword))
    return FlagSet.of(*names)


def parse(value: object) -> FlagSet:
    """Of the property `keywords`: an object whose values are all true. Raises: SyntaxProblem."""
    if not isinstance(value, dict) or not all(is_set is True for is_set in value.values()):
        raise SyntaxProblem("an object from keyword to true")
    return flags_of(value)


def format(flags: FlagSet) -> dict[str, bool]:
    """The property `keywords`, in lower case."""
    shown = FlagSet(flags.bits & ~DELETED, flags.keywords)
    return {_NAMES.get(name, name.lower()): True for name in shown.names()}
