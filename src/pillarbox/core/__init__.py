"""What the system does, in no protocol's words; the only place that opens a transaction.

`core.mail` makes the services; every edge gets them as one `Mail`. A service method is one use case: it decides, opens
one short transaction, and says what happened with values of `model`; open mailboxes learn of it after commit.

    access/     who one is: accounts, passwords, tokens, sessions, second factors
    contents/   octets on their way in and out: spool, uploads, pictures from elsewhere
    email/      messages as wholes, and their threads
    feed/       what changed since N, and who is told
    finding/    which messages fit, and in which order
    flow/       the way of a message: intake, delivery, queue, reports and answers
    mailbox/    mailboxes and the placements in them
    passport/   what is noted of a message's way
    people/     address books and cards
    sending/    what an account sends from its mailboxes
"""
