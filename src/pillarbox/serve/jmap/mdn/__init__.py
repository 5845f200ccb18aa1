"""The data type MDN: receipts are sent and read (RFC 9007)."""

from pillarbox.serve.jmap.mdn import parse, send
from pillarbox.serve.jmap.method import Method

METHODS: tuple[Method, ...] = (*send.METHODS, *parse.METHODS)
