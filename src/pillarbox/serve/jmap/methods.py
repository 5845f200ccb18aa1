"""All methods that this server has: each module of a data type adds its own."""

from pillarbox.serve.jmap import (
    addressbook,
    blob,
    contact,
    core,
    email,
    identity,
    image,
    mailbox,
    mdn,
    passport,
    queued,
    quota,
    submission,
    thread,
    vacation,
)
from pillarbox.serve.jmap.method import Method
from pillarbox.serve.jmap.push import subscription

METHODS: tuple[Method, ...] = (
    *core.METHODS,
    *blob.METHODS,
    *quota.METHODS,
    *mailbox.METHODS,
    *thread.METHODS,
    *email.METHODS,
    *identity.METHODS,
    *submission.METHODS,
    *vacation.METHODS,
    *subscription.METHODS,
    *mdn.METHODS,
    *addressbook.METHODS,
    *contact.METHODS,
    *passport.METHODS,
    *queued.METHODS,
    *image.METHODS,
)
