"""The data type ContactCard (RFC 9610 §3)."""

from pillarbox.serve.jmap.contact import get, query, set
from pillarbox.serve.jmap.method import Method

METHODS: tuple[Method, ...] = (*get.METHODS, *query.METHODS, *set.METHODS)
