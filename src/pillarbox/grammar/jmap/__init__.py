"""JMAP on the wire: requests and responses, ids, dates, patches, filters, and messages as JSON (RFC 8620, RFC 8621).

JSON values are `object`: what a client sends is looked at before it is believed, and the only error is `SyntaxProblem`.
Nothing here knows accounts, mailboxes or what is stored.
"""
