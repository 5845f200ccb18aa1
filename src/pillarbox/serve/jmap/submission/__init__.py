"""The data type EmailSubmission (RFC 8621 §7)."""

from pillarbox.serve.jmap.method import Method
from pillarbox.serve.jmap.submission import get, query, set

METHODS: tuple[Method, ...] = (*get.METHODS, *query.METHODS, *set.METHODS)
