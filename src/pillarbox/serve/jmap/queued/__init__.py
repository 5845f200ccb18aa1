"""The data type QueuedMessage: mail of an account that waits to be sent (docs/manual/jmap-own.md). Our own type."""

from pillarbox.serve.jmap.method import Method
from pillarbox.serve.jmap.queued import get, query, set

METHODS: tuple[Method, ...] = (*get.METHODS, *query.METHODS, *set.METHODS)
