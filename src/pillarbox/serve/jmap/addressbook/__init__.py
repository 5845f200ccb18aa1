"""The data type AddressBook (RFC 9610 §2)."""

from pillarbox.serve.jmap.addressbook import get, set
from pillarbox.serve.jmap.method import Method

METHODS: tuple[Method, ...] = (*get.METHODS, *set.METHODS)
