"""The data types Email and SearchSnippet (RFC 8621 §4, §5)."""

from pillarbox.serve.jmap.email import copy, get, import_, parse, query, set, snippet
from pillarbox.serve.jmap.method import Method

METHODS: tuple[Method, ...] = (
    *get.METHODS,
    *query.METHODS,
    *set.METHODS,
    *import_.METHODS,
    *copy.METHODS,
    *parse.METHODS,
    *snippet.METHODS,
)
