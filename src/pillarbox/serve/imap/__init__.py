"""The IMAP server (RFC 3501): handlers have the file names of their commands in `grammar.imap.commands`."""
