"""All methods that this server has: each module of a data type adds its own."""

from pillarbox.serve.jmap import core, email, mailbox, thread
from pillarbox.serve.jmap.method import Method

METHODS: tuple[Method, ...] = (*core.METHODS, *mailbox.METHODS, *thread.METHODS, *email.METHODS)
