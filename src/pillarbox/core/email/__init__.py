"""Messages as wholes, whichever mailboxes they are in; threads."""
