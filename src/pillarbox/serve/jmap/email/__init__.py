"""The data types Email, as far as it is read, and SearchSnippet (RFC 8621 §4.1 to §4.5, §4.9, §5)."""

from pillarbox.serve.jmap.email import get, parse, query, snippet
from pillarbox.serve.jmap.method import Method

METHODS: tuple[Method, ...] = (*get.METHODS, *query.METHODS, *parse.METHODS, *snippet.METHODS)
