"""The data type Mailbox (RFC 8621 §2)."""

from pillarbox.serve.jmap.mailbox import get, query, set
from pillarbox.serve.jmap.method import Method

METHODS: tuple[Method, ...] = (*get.METHODS, *query.METHODS, *set.METHODS)
