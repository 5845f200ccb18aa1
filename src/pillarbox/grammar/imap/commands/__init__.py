"""The commands of IMAP, a module for each family: the server parses what the client formats, by one definition."""
