"""The other side: SMTP and IMAP clients, on the same grammar as the servers."""
