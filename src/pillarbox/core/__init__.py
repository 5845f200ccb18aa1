"""What the system does, in no protocol's words; the only place that opens a transaction.

`core.mail.build` makes the services; every edge gets them as one `Mail`. A service method is one use case: it decides,
opens one short transaction, and says what happened with values of `model`; open mailboxes learn of it after commit.
"""
