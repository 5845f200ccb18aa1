"""The responses of IMAP: the server formats what the client parses, by one definition."""
