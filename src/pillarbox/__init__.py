"""Pillarbox: the whole of e-mail in one program.

The packages are the steps on the data's way; read them in this order.

    model/     L0  the nouns: ids, addresses, envelope, mailbox, message, change, passport, limits, errors
    grammar/   L1  the wire formats, pure: message/ smtp/ imap/ sasl/ records/ reports/
    wire/      L1  sockets, TLS, listeners, DNS resolver, clock; memory fakes of each, shipped
    msgauth/   L2  who sent it: decisions; the resolver is handed in
    filter/    L2  where it goes: decisions
    store/     L2  the only SQL; contents; signals
    client/    L2  SMTP and IMAP clients, on the same grammar as the servers
    core/      L3  what the system does, in no protocol's words; the only place that opens a transaction
    serve/     L4  the conversations: smtp/ imap/, and dialogue/, what they share
    relay/     L4  mail out: worker, routing, back-off
    lab/       L5  the mini-internet: servers, DNS, scenarios
    admin/     L5  the command line
    app/       L5  configuration and wiring; the only place that builds things
"""

__version__ = "0.1.0"
